//! Anything of Hearth is killed at random while jobs run, round after round: what becomes of each due time is written
//! down once, nothing is started twice, and what is told of each run is what its container wrote itself.
//! `HEARTH_TEST_SEED` draws the same again.

mod marks;

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Clock, JobName, Result, Role, SystemClock, ToolName};
use hearth_client::Client;
use hearth_testkit::{
    Audit, Chance, Even, Hearth, Image, Shape, all_runs, read_rounds, until, until_within, whole_ledger,
};
use hearth_wire::{
    jobs::{Concurrency, JobCreate, JobsQuery, RunState},
    tools::ToolCreate,
};
use jiff::{SignedDuration, Timestamp};

use marks::{Marks, command};

/// Due each minute: how many seconds a run takes at most, and what happens when it still runs then.
const SCHEDULED: [(&str, u32, Concurrency); 4] = [
    ("short", 3, Concurrency::Forbid),
    ("long", 90, Concurrency::Forbid),
    ("beside", 90, Concurrency::Allow),
    ("instead", 90, Concurrency::Replace),
];
const ONCE: [&str; 6] = ["once-a", "once-b", "once-c", "once-d", "once-e", "once-f"];
const RETRY: u8 = 2;

struct Scene {
    client: Client,
    tool: ToolName,
    /// Before the first job was made, and after the last one was.
    made: (Timestamp, Timestamp),
    /// Runs that were begun, as somebody was answered.
    begun: Vec<String>,
    /// Runs of which a process was killed that starts the container or waits for it.
    bereaved: BTreeSet<String>,
}

#[tokio::test]
async fn nothing_is_doubled_lost_or_told_otherwise_than_it_happened() -> Result<()> {
    let mut chance = Chance::told("killing at random")?;
    let settings = "[jobs]\nretry_pause = 1\ngrace = 2\n";
    let mut hearth = Hearth::start_with(Shape::SPLIT_WITH_CONTAINERS, settings).await?;
    let mut scene = Scene::set(&hearth).await?;
    let (client, tool) = (scene.client.clone(), scene.tool.clone());
    let (mut begun, mut lots) = (Vec::new(), Chance::of(chance.number(..)));
    let working = async {
        loop {
            let job = lots.one(&ONCE).map_or_else(|| ONCE[0].parse(), |name| name.parse::<JobName>())?;
            // It may run already, or nobody may be there to begin it.
            begun.extend(client.jobs().run_begin(&tool, &job).await.ok().map(|run| run.id));
            lots.linger(100..900).await;
        }
    };
    let killing = async {
        for _ in 0..read_rounds()? {
            scene.round(&mut hearth, &mut chance).await?;
        }
        Ok(())
    };
    let done: Result<()> = tokio::select! { done = killing => done, never = working => never };
    done?;
    scene.begun = begun;
    scene.come_to_rest(&hearth).await?;
    let found = scene.check(&hearth).await?;
    assert!(found.is_clean(), "HEARTH_TEST_SEED={}:\n{found}", chance.seed());
    hearth.stop().await
}

impl Scene {
    /// A tool with jobs.
    async fn set(hearth: &Hearth) -> Result<Self> {
        let person = hearth.operator().await?;
        Image::busybox(&[])?.push(&person.client, "hearth/bookworm", "latest").await?;
        let tool: ToolName = "site".parse()?;
        let create = ToolCreate { name: tool.clone(), description: String::new() };
        person.client.tools().create(&create).await?;
        let before = SystemClock.now();
        for (name, most, concurrency) in SCHEDULED {
            let job = JobCreate {
                schedule: Some("* * * * *".to_owned()),
                concurrency: Some(concurrency),
                ..job(name, most)?
            };
            person.client.jobs().create(&tool, &job).await?;
        }
        let made = (before, SystemClock.now());
        for name in ONCE {
            person.client.jobs().create(&tool, &job(name, 3)?).await?;
        }
        Ok(Self { client: person.client, tool, made, begun: Vec::new(), bereaved: BTreeSet::new() })
    }

    /// Something of Hearth is killed, and comes back.
    async fn round(&mut self, hearth: &mut Hearth, chance: &mut Chance) -> Result<()> {
        chance.linger(200..1100).await;
        let (jobs, runtime) = (chance.percent(45), chance.percent(35));
        let other = chance.one(Role::ALL).copied().filter(|_| chance.percent(40));
        let helpers = hearth.helpers()?;
        for _ in 0..chance.number(0..=2) * u64::from(chance.percent(40)) {
            if let Some(helper) = chance.one(&helpers)
                && hearth.kill_helper(helper)?
            {
                let run = helper.instance.split('.').next().unwrap_or_default();
                self.bereaved.insert(run.to_owned());
            }
        }
        if runtime {
            hearth.kill_runtime().await?;
        }
        for role in other.into_iter().chain(jobs.then_some(Role::Jobs)) {
            hearth.kill(role).await?;
        }
        chance.linger(0..300).await;
        hearth.revive_all().await
    }

    /// Nothing begins any more, and what runs ends.
    async fn come_to_rest(&self, hearth: &Hearth) -> Result<()> {
        for (name, ..) in SCHEDULED {
            let job = name.parse()?;
            until("it is paused", async || Ok(self.client.jobs().pause(&self.tool, &job).await.ok())).await?;
        }
        until_within(Duration::from_secs(150), "all is over", async || {
            let mut over = true;
            for job in self.client.jobs().list(&self.tool, &JobsQuery::default()).await? {
                let runs = all_runs(&self.client, &self.tool, &job.name).await?;
                over &= runs.iter().all(|run| run.state == RunState::Ended);
            }
            Ok(over.then_some(()))
        })
        .await?;
        until("nothing lives on of what is over", async || {
            Ok((hearth.helpers()?.is_empty() && hearth.contained()?.is_empty()).then_some(()))
        })
        .await
    }

    async fn check(&self, hearth: &Hearth) -> Result<Audit> {
        let (mut audit, mut runs) = (Audit::default(), Vec::new());
        for name in SCHEDULED.iter().map(|(name, ..)| *name).chain(ONCE) {
            let job: JobName = name.parse()?;
            let of_job = all_runs(&self.client, &self.tool, &job).await?;
            if !ONCE.contains(&name) {
                let before = SystemClock.now();
                let ledger = whole_ledger(&self.client, &self.tool, &job).await?;
                let (every, until) = (SignedDuration::from_mins(1), (before, SystemClock.now()));
                audit.ledger(&job, &ledger, &Even { every, made: self.made, until });
                audit.tries(&job, &of_job, &ledger, RETRY.into());
            }
            runs.extend(of_job);
        }
        audit.once(&runs);
        for run in &self.begun {
            let known = runs.iter().any(|known| known.id == *run);
            audit.demand(known, || format!("{run} was begun, and is not known"));
        }
        let marks = Marks::read(&hearth.runtime_state().join("homes"))?;
        marks.compare(&mut audit, &runs, &self.bereaved);
        // Of two hundred rounds, as many begin a run as not. Of twenty, chance lets two or fewer in one of a thousand.
        let rounds = read_rounds()? as usize;
        let few = if rounds < 100 { rounds / 10 } else { rounds / 4 };
        audit.demand(runs.len() > few, || format!("{} runs are few", runs.len()));
        Ok(audit)
    }
}

fn job(name: &str, most: u32) -> Result<JobCreate> {
    Ok(JobCreate { retry: Some(RETRY), ..JobCreate::new(name.parse()?, "bookworm", command(name, most)) })
}
