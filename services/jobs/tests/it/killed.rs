//! Whatever is killed at random, and whatever the clock does: each due time is in the ledger once, each run was
//! started once, and what is told of it is what happened. `HEARTH_TEST_SEED` repeats a failure.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use hearth_base::{Clock as _, JobName, Kind, Result, Role, ToolName};
use hearth_client::Client;
use hearth_kit::db::Db;
use hearth_runtime_api::{End, WorkloadId, fake::Played};
use hearth_testkit::{Audit, Chance, Even, all_runs, on_every_store, read_rounds, until, whole_ledger};
use hearth_wire::{
    events::{After, Topic},
    jobs::{Concurrency, JobCreate, JobsQuery, Run, RunEnd, RunState, events::RunEvent},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    schedules::wake,
    stage::{Stage, job_name, once},
};

/// Every so many minutes, whatever still runs then.
const SCHEDULED: [(&str, i64, Concurrency); 3] = [
    ("often", 1, Concurrency::Forbid),
    ("fifth", 5, Concurrency::Replace),
    ("tenth", 10, Concurrency::Allow),
];
const RETRY: u8 = 2;

/// What people do meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Create,
    Begin,
    Stop,
    Pause,
    Resume,
}

struct Scene {
    stage: Stage,
    chance: Chance,
    made: Timestamp,
    /// The latest that it ever was.
    latest: Timestamp,
    /// How many one-off jobs were asked for.
    once: u32,
    /// Runs that were begun, as somebody was answered.
    begun: Vec<String>,
}

async fn nothing_is_doubled_lost_or_told_otherwise_than_it_happened(db: Db) -> Result<()> {
    let chance = Chance::told("killed at random")?;
    let stage = Stage::new(db).await?;
    let made = stage.stand.clock.now();
    for (name, minutes, concurrency) in SCHEDULED {
        let job = JobCreate {
            schedule: Some(format!("*/{minutes} * * * *")),
            concurrency: Some(concurrency),
            retry: Some(RETRY),
            ..once(name)
        };
        stage.create(&job).await?;
    }
    let mut scene = Scene { stage, chance, made, latest: made, once: 0, begun: Vec::new() };
    for _ in 0..read_rounds()? {
        scene.round().await?;
    }
    scene.come_to_rest().await?;
    scene.check().await
}

impl Scene {
    /// Something happens, something is killed meanwhile, and it comes back.
    async fn round(&mut self) -> Result<()> {
        let acts = self.acts().await?;
        let (workers, runtime) = (self.chance.percent(50), self.chance.percent(30));
        let in_order = self.chance.percent(20);
        let Self { stage, chance, .. } = self;
        let killing = async {
            chance.linger(0..12).await;
            if runtime {
                stage.runtime.stop().await;
            }
            match (workers, in_order) {
                (true, true) => stage.stop().await,
                (true, false) => stage.kill().await,
                (false, _) => {}
            }
        };
        let (begun, ()) = tokio::join!(futures::future::join_all(acts), killing);
        for run in begun {
            self.begun.extend(run?);
        }
        self.time_passes();
        if runtime {
            self.stage.runtime.restart();
        }
        if workers {
            self.stage.start().await?;
        }
        self.chance.linger(0..12).await;
        // What begins anew looks by itself.
        if workers { Ok(()) } else { woken(&self.stage).await }
    }

    fn time_passes(&mut self) {
        let seconds = |chance: &mut Chance, range: std::ops::Range<u64>| {
            SignedDuration::from_secs(i64::try_from(chance.number(range)).unwrap_or_default())
        };
        let passed = match self.chance.number(0..100) {
            0..50 => seconds(&mut self.chance, 0..40),
            50..85 => seconds(&mut self.chance, 40..200),
            85..95 => seconds(&mut self.chance, 200..1500),
            // Somebody sets the clock back.
            _ => -seconds(&mut self.chance, 0..1500)
                .min(self.stage.stand.clock.now().duration_since(self.made)),
        };
        self.stage.stand.passes(passed);
        self.latest = self.latest.max(self.stage.stand.clock.now());
    }

    /// What happens in this round, and what runs it begins.
    async fn acts(&mut self) -> Result<Vec<BoxFuture<'static, Result<Option<String>>>>> {
        let mut acts = Vec::new();
        for instance in self.stage.running().await {
            if self.chance.percent(40) {
                let end = match self.chance.number(0..10) {
                    0..6 => End::Exited { code: 0 },
                    6..8 => End::Exited { code: i32::try_from(self.chance.number(1..100)).unwrap_or(1) },
                    8 => End::Killed { signal: 11 },
                    _ => End::OutOfMemory,
                };
                let fake = Arc::clone(&self.stage.runtime.fake);
                // It may have ended by itself, and be forgotten.
                acts.push(async move { Ok(fake.end(instance, end).ok().and(None)) }.boxed());
            }
        }
        for (act, cases) in
            [(Act::Create, 30), (Act::Begin, 15), (Act::Stop, 10), (Act::Pause, 4), (Act::Resume, 12)]
        {
            if self.chance.percent(cases) {
                let name = match (act, self.chance.one(&SCHEDULED)) {
                    (Act::Create, _) | (_, None) => format!("once-{}", self.once),
                    (_, Some((name, ..))) => (*name).to_owned(),
                };
                self.once += u32::from(act == Act::Create);
                let (client, tool) = (self.stage.maintainer.clone(), self.stage.tool.clone());
                acts.push(async move { asked(&client, &tool, act, &job_name(&name)).await }.boxed());
            }
        }
        Ok(acts)
    }

    /// All is back, all that runs ends, and nothing begins any more.
    async fn come_to_rest(&mut self) -> Result<()> {
        let stage = &self.stage;
        let past = self.latest.duration_since(stage.stand.clock.now()) + SignedDuration::from_mins(1);
        stage.stand.passes(past);
        for (name, ..) in SCHEDULED {
            stage.maintainer.jobs().pause(&stage.tool, &job_name(name)).await?;
        }
        until("all is over", async || {
            for instance in stage.running().await {
                // It may be ending already.
                let _ending = stage.runtime.fake.end(instance, End::Exited { code: 0 });
            }
            stage.stand.passes(SignedDuration::from_secs(5));
            woken(stage).await?;
            let mut over = stage.workloads().await.is_empty();
            for job in stage.maintainer.jobs().list(&stage.tool, &JobsQuery::default()).await? {
                let runs = all_runs(&stage.maintainer, &stage.tool, &job.name).await?;
                over &= runs.iter().all(|run| run.state == RunState::Ended);
            }
            Ok(over.then_some(()))
        })
        .await?;
        for (name, ..) in SCHEDULED {
            stage.maintainer.jobs().resume(&stage.tool, &job_name(name)).await?;
        }
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        let Self { stage, made, .. } = self;
        let (mut audit, mut runs) = (Audit::default(), Vec::new());
        for job in stage.maintainer.jobs().list(&stage.tool, &JobsQuery::default()).await? {
            let of_job = all_runs(&stage.maintainer, &stage.tool, &job.name).await?;
            if let Some((name, minutes, _)) = SCHEDULED.iter().find(|(name, ..)| job.name.as_str() == *name) {
                let ledger = whole_ledger(&stage.maintainer, &stage.tool, &job_name(name)).await?;
                let now = stage.stand.clock.now();
                let every = SignedDuration::from_mins(*minutes);
                audit.ledger(&job.name, &ledger, &Even { every, made: (*made, *made), until: (now, now) });
                audit.tries(&job.name, &of_job, &ledger, RETRY.into());
            }
            runs.extend(of_job);
        }
        audit.once(&runs);
        for run in &self.begun {
            audit.demand(runs.iter().any(|known| known.id == *run), || {
                format!("{run} was begun, and is not known")
            });
        }
        compare(&mut audit, &runs, &stage.runtime.fake.played());
        told(&mut audit, stage, &runs).await?;
        let seed = self.chance.seed();
        assert!(audit.is_clean(), "HEARTH_TEST_SEED={seed}, of {} runs:\n{audit}", runs.len());
        // Of two hundred rounds, as many begin a run as not. Of twenty, chance lets three or fewer in one of a thousand.
        let rounds = read_rounds()? as usize;
        let few = if rounds < 100 { rounds / 10 } else { rounds / 2 };
        assert!(runs.len() > few, "HEARTH_TEST_SEED={seed}: {} runs are few", runs.len());
        Ok(())
    }
}

/// Asks for something. The run that this is said to begin.
async fn asked(client: &Client, tool: &ToolName, act: Act, job: &JobName) -> Result<Option<String>> {
    let jobs = client.jobs();
    let done = match act {
        Act::Create => {
            let create = JobCreate { retry: Some(RETRY), ..once(job.as_str()) };
            jobs.create(tool, &create).await.map(|made| made.status.run)
        }
        Act::Begin => jobs.run_begin(tool, job).await.map(|run| Some(run.id)),
        Act::Stop => jobs.stop(tool, job).await.map(|_| None),
        Act::Pause => jobs.pause(tool, job).await.map(|_| None),
        Act::Resume => jobs.resume(tool, job).await.map(|_| None),
    };
    match done {
        // It runs already, or there are enough.
        Err(refused) if matches!(refused.kind(), Kind::Conflict | Kind::Exhausted) => Ok(None),
        done => done,
    }
}

/// What is told of runs with what happened.
fn compare(audit: &mut Audit, runs: &[Run], played: &[Played]) {
    let mut happened: BTreeMap<String, Vec<&Played>> = BTreeMap::new();
    for one in played {
        if let WorkloadId::Run(run) = one.instance.workload {
            happened.entry(run.to_string()).or_default().push(one);
        }
    }
    for (run, starts) in &happened {
        audit.demand(starts.len() == 1, || format!("{run} was started more than once: {starts:?}"));
        audit.demand(runs.iter().any(|known| known.id == *run), || format!("{run} ran, and is not known"));
    }
    for run in runs {
        let outcome = happened.get(&run.id).and_then(|starts| starts[0].outcome.as_ref());
        let told = (run.end, run.exit_code, run.signal);
        let so = match outcome.map(|outcome| &outcome.end) {
            None => run.end == Some(RunEnd::Stopped) && run.started.is_none(),
            Some(_) if run.started.is_none() => false,
            Some(End::Exited { code }) => {
                matches!(told.0, Some(RunEnd::Exited | RunEnd::Stopped)) && told.1 == Some(*code)
            }
            Some(End::Killed { signal }) => {
                matches!(told.0, Some(RunEnd::Killed | RunEnd::Stopped)) && told.2 == Some(*signal)
            }
            Some(End::OutOfMemory) => told == (Some(RunEnd::OutOfMemory), None, None),
            Some(_) => false,
        };
        audit.demand(so, || format!("{run:?} was {outcome:?}"));
    }
}

/// The beginning and the end of each run were told once.
async fn told(audit: &mut Audit, stage: &Stage, runs: &[Run]) -> Result<()> {
    let (notify, mut after) = (stage.stand.service(Role::Notify)?, After::default());
    let mut told: BTreeMap<(String, String), u32> = BTreeMap::new();
    loop {
        let part = notify.read_events(RunEvent::TOPIC_INFO, &after).await?;
        if part.events.is_empty() {
            break;
        }
        after.after = Some(part.next);
        for event in &part.events {
            if let Some(run) = event.data["run"]["id"].as_str() {
                let what = if event.event_type == "job.run.started" { "began" } else { "ended" };
                *told.entry((what.to_owned(), run.to_owned())).or_default() += 1;
            }
        }
    }
    for run in runs {
        let count = |kind: &str| told.get(&(kind.to_owned(), run.id.clone())).copied().unwrap_or(0);
        let counts = (count("began"), count("ended"));
        let began = u32::from(run.started.is_some());
        audit.demand(counts == (began, 1), || format!("told {counts:?} times: {run:?}"));
    }
    Ok(())
}

/// Has the scheduler look, unless so much runs that no job may be made for it: then a later round does.
async fn woken(stage: &Stage) -> Result<()> {
    match wake(stage).await {
        Err(error) if error.code() == "quota" => Ok(()),
        woken => woken,
    }
}

on_every_store!(nothing_is_doubled_lost_or_told_otherwise_than_it_happened);
