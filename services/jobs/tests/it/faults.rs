//! Random kills of the service and the runtime, and random clock jumps: each due time is in the ledger once,
//! each run starts once, and its reported outcome is the true one. `HEARTH_TEST_SEED` repeats a failure.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use hearth_base::{Clock as _, ErrorKind, JobName, Result, Role, ToolName};
use hearth_client::Client;
use hearth_kit::db::Db;
use hearth_runtime_api::{Termination, WorkloadId, fake::StartedInstance};
use hearth_testkit::{
    Audit, EvenSchedule, SeededRng, list_all_due_records, list_all_runs, on_every_store, read_rounds,
    wait_until,
};
use hearth_wire::{
    events::{EventsQuery, Topic},
    jobs::{Concurrency, JobCreate, JobsQuery, Run, RunEnd, RunState, events::RunEvent},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    harness::{JobsHarness, build_one_off_job, job_name},
    schedules::wake_scheduler,
};

/// Scheduled jobs: name, interval in minutes, concurrency.
const SCHEDULED_JOBS: [(&str, i64, Concurrency); 3] = [
    ("often", 1, Concurrency::Forbid),
    ("fifth", 5, Concurrency::Replace),
    ("tenth", 10, Concurrency::Allow),
];
const MAX_RETRIES: u8 = 2;

/// Requests of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserAction {
    Create,
    Begin,
    Stop,
    Pause,
    Resume,
}

struct FaultScenario {
    harness: JobsHarness,
    rng: SeededRng,
    made: Timestamp,
    /// The latest time that the clock has had.
    latest: Timestamp,
    /// Number of requested one-off jobs.
    one_off_count: u32,
    /// Runs whose start was confirmed to a user.
    confirmed_runs: Vec<String>,
}

async fn random_kills_and_clock_jumps_lose_and_double_nothing(db: Db) -> Result<()> {
    let rng = SeededRng::from_environment("killed at random")?;
    let harness = JobsHarness::new(db).await?;
    let made = harness.stand.clock.now();
    for (name, minutes, concurrency) in SCHEDULED_JOBS {
        let job = JobCreate {
            schedule: Some(format!("*/{minutes} * * * *")),
            concurrency: Some(concurrency),
            retry: Some(MAX_RETRIES),
            ..build_one_off_job(name)
        };
        harness.create(&job).await?;
    }
    let mut scenario =
        FaultScenario { harness, rng, made, latest: made, one_off_count: 0, confirmed_runs: Vec::new() };
    for _ in 0..read_rounds()? {
        scenario.play_round().await?;
    }
    scenario.stop_all_runs().await?;
    scenario.check_audit().await
}

impl FaultScenario {
    /// Performs random actions, kills something meanwhile, and starts it again.
    async fn play_round(&mut self) -> Result<()> {
        let actions = self.choose_actions().await?;
        let (workers, runtime) = (self.rng.pick_bool(50), self.rng.pick_bool(30));
        let in_order = self.rng.pick_bool(20);
        let Self { harness, rng, .. } = self;
        let killing = async {
            rng.sleep_for(0..12).await;
            if runtime {
                harness.runtime.stop().await;
            }
            match (workers, in_order) {
                (true, true) => harness.stop().await,
                (true, false) => harness.kill_service().await,
                (false, _) => {}
            }
        };
        let (confirmed_runs, ()) = tokio::join!(futures::future::join_all(actions), killing);
        for run in confirmed_runs {
            self.confirmed_runs.extend(run?);
        }
        self.advance_random_time();
        if runtime {
            self.harness.runtime.restart();
        }
        if workers {
            self.harness.start().await?;
        }
        self.rng.sleep_for(0..12).await;
        // A started scheduler runs a pass at once.
        if workers { Ok(()) } else { wake_if_quota_allows(&self.harness).await }
    }

    fn advance_random_time(&mut self) {
        let seconds = |rng: &mut SeededRng, range: std::ops::Range<u64>| {
            SignedDuration::from_secs(i64::try_from(rng.pick_number(range)).unwrap_or_default())
        };
        let passed = match self.rng.pick_number(0..100) {
            0..50 => seconds(&mut self.rng, 0..40),
            50..85 => seconds(&mut self.rng, 40..200),
            85..95 => seconds(&mut self.rng, 200..1500),
            // The clock is set back.
            _ => {
                -seconds(&mut self.rng, 0..1500).min(self.harness.stand.clock.now().duration_since(self.made))
            }
        };
        self.harness.stand.advance_clock(passed);
        self.latest = self.latest.max(self.harness.stand.clock.now());
    }

    /// Chooses the actions of a round; each returns the run that it started.
    async fn choose_actions(&mut self) -> Result<Vec<BoxFuture<'static, Result<Option<String>>>>> {
        let mut actions = Vec::new();
        for instance in self.harness.list_running().await {
            if self.rng.pick_bool(40) {
                let end = match self.rng.pick_number(0..10) {
                    0..6 => Termination::Exited { code: 0 },
                    6..8 => {
                        Termination::Exited { code: i32::try_from(self.rng.pick_number(1..100)).unwrap_or(1) }
                    }
                    8 => Termination::Killed { signal: 11 },
                    _ => Termination::OutOfMemory,
                };
                let fake = Arc::clone(&self.harness.runtime.fake);
                // It may have ended and been acknowledged meanwhile.
                actions.push(async move { Ok(fake.end_instance(instance, end).ok().and(None)) }.boxed());
            }
        }
        for (action, cases) in [
            (UserAction::Create, 30),
            (UserAction::Begin, 15),
            (UserAction::Stop, 10),
            (UserAction::Pause, 4),
            (UserAction::Resume, 12),
        ] {
            if self.rng.pick_bool(cases) {
                let name = match (action, self.rng.pick_item(&SCHEDULED_JOBS)) {
                    (UserAction::Create, _) | (_, None) => format!("once-{}", self.one_off_count),
                    (_, Some((name, ..))) => (*name).to_owned(),
                };
                self.one_off_count += u32::from(action == UserAction::Create);
                let (client, tool) = (self.harness.maintainer.clone(), self.harness.tool.clone());
                actions.push(
                    async move { perform_action(&client, &tool, action, &job_name(&name)).await }.boxed(),
                );
            }
        }
        Ok(actions)
    }

    /// Pauses all jobs, ends all runs and waits until nothing is active.
    async fn stop_all_runs(&mut self) -> Result<()> {
        let harness = &self.harness;
        let past = self.latest.duration_since(harness.stand.clock.now()) + SignedDuration::from_mins(1);
        harness.stand.advance_clock(past);
        for (name, ..) in SCHEDULED_JOBS {
            harness.maintainer.jobs().pause(&harness.tool, &job_name(name)).await?;
        }
        wait_until("nothing is active", async || {
            for instance in harness.list_running().await {
                // It may be ending already.
                let _ending = harness.runtime.fake.end_instance(instance, Termination::Exited { code: 0 });
            }
            harness.stand.advance_clock(SignedDuration::from_secs(5));
            wake_if_quota_allows(harness).await?;
            let mut over = harness.list_workloads().await.is_empty();
            for job in harness.maintainer.jobs().list(&harness.tool, &JobsQuery::default()).await? {
                let runs = list_all_runs(&harness.maintainer, &harness.tool, &job.name).await?;
                over &= runs.iter().all(|run| run.state == RunState::Ended);
            }
            Ok(over.then_some(()))
        })
        .await?;
        for (name, ..) in SCHEDULED_JOBS {
            harness.maintainer.jobs().resume(&harness.tool, &job_name(name)).await?;
        }
        Ok(())
    }

    async fn check_audit(&self) -> Result<()> {
        let Self { harness, made, .. } = self;
        let (mut audit, mut runs) = (Audit::default(), Vec::new());
        for job in harness.maintainer.jobs().list(&harness.tool, &JobsQuery::default()).await? {
            let of_job = list_all_runs(&harness.maintainer, &harness.tool, &job.name).await?;
            if let Some((name, minutes, _)) =
                SCHEDULED_JOBS.iter().find(|(name, ..)| job.name.as_str() == *name)
            {
                let ledger =
                    list_all_due_records(&harness.maintainer, &harness.tool, &job_name(name)).await?;
                let now = harness.stand.clock.now();
                let every = SignedDuration::from_mins(*minutes);
                audit.check_ledger(
                    &job.name,
                    &ledger,
                    &EvenSchedule {
                        interval: every,
                        created_between: (*made, *made),
                        read_between: (now, now),
                    },
                );
                audit.check_attempts(&job.name, &of_job, &ledger, MAX_RETRIES.into());
            }
            runs.extend(of_job);
        }
        audit.check_started_once(&runs);
        for run in &self.confirmed_runs {
            audit.record_unless(runs.iter().any(|known| known.id == *run), || {
                format!("{run} was begun, and is not known")
            });
        }
        compare_with_played(&mut audit, &runs, &harness.runtime.fake.list_started());
        check_events(&mut audit, harness, &runs).await?;
        let seed = self.rng.seed();
        assert!(audit.is_clean(), "HEARTH_TEST_SEED={seed}, of {} runs:\n{audit}", runs.len());
        // About half of 200 rounds start a run. Of 20 rounds, three or fewer do with a probability of one in
        // a thousand.
        let rounds = read_rounds()? as usize;
        let few = if rounds < 100 { rounds / 10 } else { rounds / 2 };
        assert!(runs.len() > few, "HEARTH_TEST_SEED={seed}: {} runs are few", runs.len());
        Ok(())
    }
}

/// Performs a user's action and returns the run that the response names.
async fn perform_action(
    client: &Client,
    tool: &ToolName,
    action: UserAction,
    job: &JobName,
) -> Result<Option<String>> {
    let jobs = client.jobs();
    let done = match action {
        UserAction::Create => {
            let create = JobCreate { retry: Some(MAX_RETRIES), ..build_one_off_job(job.as_str()) };
            jobs.create(tool, &create).await.map(|made| made.status.run)
        }
        UserAction::Begin => jobs.start_run(tool, job).await.map(|run| Some(run.id)),
        UserAction::Stop => jobs.stop(tool, job).await.map(|_| None),
        UserAction::Pause => jobs.pause(tool, job).await.map(|_| None),
        UserAction::Resume => jobs.resume(tool, job).await.map(|_| None),
    };
    match done {
        // The job is already running, or the quota is exceeded.
        Err(refused) if matches!(refused.kind(), ErrorKind::Conflict | ErrorKind::Exhausted) => Ok(None),
        done => done,
    }
}

/// Compares reported runs with the instances that the fake runtime played.
fn compare_with_played(audit: &mut Audit, runs: &[Run], played: &[StartedInstance]) {
    let mut happened: BTreeMap<String, Vec<&StartedInstance>> = BTreeMap::new();
    for one in played {
        if let WorkloadId::Run(run) = one.instance.workload {
            happened.entry(run.to_string()).or_default().push(one);
        }
    }
    for (run, starts) in &happened {
        audit.record_unless(starts.len() == 1, || format!("{run} was started more than once: {starts:?}"));
        audit.record_unless(runs.iter().any(|known| known.id == *run), || {
            format!("{run} ran, and is not known")
        });
    }
    for run in runs {
        let outcome = happened.get(&run.id).and_then(|starts| starts[0].outcome.as_ref());
        let reported = (run.end, run.exit_code, run.signal);
        let is_true = match outcome.map(|outcome| &outcome.end) {
            None => run.end == Some(RunEnd::Stopped) && run.started.is_none(),
            Some(_) if run.started.is_none() => false,
            Some(Termination::Exited { code }) => {
                matches!(reported.0, Some(RunEnd::Exited | RunEnd::Stopped)) && reported.1 == Some(*code)
            }
            Some(Termination::Killed { signal }) => {
                matches!(reported.0, Some(RunEnd::Killed | RunEnd::Stopped)) && reported.2 == Some(*signal)
            }
            Some(Termination::OutOfMemory) => reported == (Some(RunEnd::OutOfMemory), None, None),
            Some(_) => false,
        };
        audit.record_unless(is_true, || format!("{run:?} was {outcome:?}"));
    }
}

/// Checks that each run has one start event, if it started, and one end event.
async fn check_events(audit: &mut Audit, harness: &JobsHarness, runs: &[Run]) -> Result<()> {
    let (notify, mut after) = (harness.stand.service_client(Role::Notify)?, EventsQuery::default());
    let mut reported: BTreeMap<(String, String), u32> = BTreeMap::new();
    loop {
        let batch = notify.read_events(RunEvent::TOPIC_INFO, &after).await?;
        if batch.events.is_empty() {
            break;
        }
        after.after = Some(batch.next);
        for event in &batch.events {
            if let Some(run) = event.data["run"]["id"].as_str() {
                let event_kind = if event.event_type == "job.run.started" { "began" } else { "ended" };
                *reported.entry((event_kind.to_owned(), run.to_owned())).or_default() += 1;
            }
        }
    }
    for run in runs {
        let count = |kind: &str| reported.get(&(kind.to_owned(), run.id.clone())).copied().unwrap_or(0);
        let counts = (count("began"), count("ended"));
        let began = u32::from(run.started.is_some());
        audit.record_unless(counts == (began, 1), || format!("{counts:?} start and end events: {run:?}"));
    }
    Ok(())
}

/// Wakes the scheduler. If the quota allows no job for that, a later round does.
async fn wake_if_quota_allows(harness: &JobsHarness) -> Result<()> {
    match wake_scheduler(harness).await {
        Err(error) if error.code() == "quota" => Ok(()),
        result => result,
    }
}

on_every_store!(random_kills_and_clock_jumps_lose_and_double_nothing);
