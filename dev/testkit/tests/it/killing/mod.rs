//! Kills random processes of Hearth while jobs run, in many rounds: each due time has one ledger entry,
//! nothing starts twice, and each reported run agrees with the marks of its container. `HEARTH_TEST_SEED`
//! repeats a failure.

mod marks;

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Clock, JobName, Result, Role, SystemClock, ToolName};
use hearth_client::Client;
use hearth_testkit::{
    Audit, EvenSchedule, Hearth, HearthShape, SeededRng, TestImage, list_all_due_records, list_all_runs,
    read_rounds, wait_until, wait_until_within,
};
use hearth_wire::{
    jobs::{Concurrency, JobCreate, JobsQuery, RunState},
    tools::ToolCreate,
};
use jiff::{SignedDuration, Timestamp};

use marks::{ContainerMarks, build_marking_command};

/// Jobs that are due each minute: name, maximal duration of a run in seconds, and concurrency policy.
const SCHEDULED_JOBS: [(&str, u32, Concurrency); 4] = [
    ("short", 3, Concurrency::Forbid),
    ("long", 90, Concurrency::Forbid),
    ("beside", 90, Concurrency::Allow),
    ("instead", 90, Concurrency::Replace),
];
const ONE_OFF_JOBS: [&str; 6] = ["once-a", "once-b", "once-c", "once-d", "once-e", "once-f"];
const RETRY_LIMIT: u8 = 2;

struct KillScenario {
    client: Client,
    tool: ToolName,
    /// The times before the creation of the first job and after the creation of the last one.
    created_between: (Timestamp, Timestamp),
    /// The runs whose start was acknowledged to the caller.
    started_runs: Vec<String>,
    /// The runs whose helper was killed.
    runs_with_killed_processes: BTreeSet<String>,
}

#[tokio::test]
async fn runs_and_due_times_are_recorded_once_under_random_kills() -> Result<()> {
    let mut rng = SeededRng::from_environment("random kills")?;
    // The scenario starts runs without a pause: on a quick machine more than a caller may send.
    let settings = "[jobs]\nretry_pause = 1\ngrace = 2\n[gateway]\ncaller_requests = 1000000\n";
    let mut hearth = Hearth::start_with(HearthShape::SPLIT_WITH_CONTAINERS, settings).await?;
    let mut scenario = KillScenario::create(&hearth).await?;
    let (client, tool) = (scenario.client.clone(), scenario.tool.clone());
    let (mut started_runs, mut job_rng) = (Vec::new(), SeededRng::from_seed(rng.pick_number(..)));
    let starting_runs = async {
        loop {
            let job = job_rng
                .pick_item(&ONE_OFF_JOBS)
                .map_or_else(|| ONE_OFF_JOBS[0].parse(), |name| name.parse::<JobName>())?;
            // The job may already run, or `jobs` may be down.
            started_runs.extend(client.jobs().start_run(&tool, &job).await.ok().map(|run| run.id));
            job_rng.sleep_for(100..900).await;
        }
    };
    let killing = async {
        for _ in 0..read_rounds()? {
            scenario.run_round(&mut hearth, &mut rng).await?;
        }
        Ok(())
    };
    let done: Result<()> = tokio::select! { done = killing => done, failed = starting_runs => failed };
    done?;
    scenario.started_runs = started_runs;
    scenario.wait_for_all_ends(&hearth).await?;
    let audit = scenario.audit_runs().await?;
    assert!(audit.is_clean(), "HEARTH_TEST_SEED={}:\n{audit}", rng.seed());
    hearth.stop().await
}

impl KillScenario {
    /// Creates the tool and its jobs.
    async fn create(hearth: &Hearth) -> Result<Self> {
        let person = hearth.operator().await?;
        TestImage::from_busybox(&[])?.push(&person.client, "hearth/bookworm", "latest").await?;
        let tool: ToolName = "site".parse()?;
        let create = ToolCreate { name: tool.clone(), description: String::new() };
        person.client.tools().create(&create).await?;
        let before = SystemClock.now();
        for (name, max_seconds, concurrency) in SCHEDULED_JOBS {
            let job = JobCreate {
                schedule: Some("* * * * *".to_owned()),
                concurrency: Some(concurrency),
                ..build_job(name, max_seconds)?
            };
            person.client.jobs().create(&tool, &job).await?;
        }
        let made = (before, SystemClock.now());
        for name in ONE_OFF_JOBS {
            person.client.jobs().create(&tool, &build_job(name, 3)?).await?;
        }
        Ok(Self {
            client: person.client,
            tool,
            created_between: made,
            started_runs: Vec::new(),
            runs_with_killed_processes: BTreeSet::new(),
        })
    }

    /// Kills random processes of Hearth and starts them again.
    async fn run_round(&mut self, hearth: &mut Hearth, rng: &mut SeededRng) -> Result<()> {
        rng.sleep_for(200..1100).await;
        let (jobs, runtime) = (rng.pick_bool(45), rng.pick_bool(35));
        let other = rng.pick_item(Role::ALL).copied().filter(|_| rng.pick_bool(40));
        let helpers = hearth.list_helpers()?;
        for _ in 0..rng.pick_number(0..=2) * u64::from(rng.pick_bool(40)) {
            if let Some(helper) = rng.pick_item(&helpers)
                && hearth.kill_helper(helper)?
            {
                let run = helper.instance.split('.').next().unwrap_or_default();
                self.runs_with_killed_processes.insert(run.to_owned());
            }
        }
        if runtime {
            hearth.kill_runtime().await?;
        }
        for role in other.into_iter().chain(jobs.then_some(Role::Jobs)) {
            hearth.kill(role).await?;
        }
        rng.sleep_for(0..300).await;
        hearth.start_missing_processes().await
    }

    /// Pauses all schedules and waits for the end of all runs and processes.
    async fn wait_for_all_ends(&self, hearth: &Hearth) -> Result<()> {
        for (name, ..) in SCHEDULED_JOBS {
            let job = name.parse()?;
            wait_until("the job is paused", async || {
                Ok(self.client.jobs().pause(&self.tool, &job).await.ok())
            })
            .await?;
        }
        wait_until_within(Duration::from_secs(150), "all runs have ended", async || {
            let mut all_ended = true;
            for job in self.client.jobs().list(&self.tool, &JobsQuery::default()).await? {
                let runs = list_all_runs(&self.client, &self.tool, &job.name).await?;
                all_ended &= runs.iter().all(|run| run.state == RunState::Ended);
            }
            Ok(all_ended.then_some(()))
        })
        .await?;
        wait_until("no process of an ended run exists", async || {
            Ok((hearth.list_helpers()?.is_empty() && hearth.list_container_processes()?.is_empty())
                .then_some(()))
        })
        .await
    }

    async fn audit_runs(&self) -> Result<Audit> {
        let (mut audit, mut runs) = (Audit::default(), Vec::new());
        for name in SCHEDULED_JOBS.iter().map(|(name, ..)| *name).chain(ONE_OFF_JOBS) {
            let job: JobName = name.parse()?;
            let runs_of_job = list_all_runs(&self.client, &self.tool, &job).await?;
            if !ONE_OFF_JOBS.contains(&name) {
                let before = SystemClock.now();
                let ledger = list_all_due_records(&self.client, &self.tool, &job).await?;
                let (every, until) = (SignedDuration::from_mins(1), (before, SystemClock.now()));
                audit.check_ledger(
                    &job,
                    &ledger,
                    &EvenSchedule {
                        interval: every,
                        created_between: self.created_between,
                        read_between: until,
                    },
                );
                audit.check_attempts(&job, &runs_of_job, &ledger, RETRY_LIMIT.into());
            }
            runs.extend(runs_of_job);
        }
        audit.check_started_once(&runs);
        for run in &self.started_runs {
            let listed = runs.iter().any(|listed| listed.id == *run);
            audit.record_unless(listed, || format!("started run is not listed: {run}"));
        }
        let marks = ContainerMarks::read(&self.client, &self.tool).await?;
        marks.compare_with_runs(&mut audit, &runs, &self.runs_with_killed_processes);
        // Half of the rounds start a run on average. With twenty rounds, two or fewer runs have a probability
        // of 0.1 %.
        let rounds = read_rounds()? as usize;
        let min_runs = if rounds < 100 { rounds / 10 } else { rounds / 4 };
        audit.record_unless(runs.len() > min_runs, || format!("too few runs: {}", runs.len()));
        Ok(audit)
    }
}

fn build_job(name: &str, max_seconds: u32) -> Result<JobCreate> {
    Ok(JobCreate {
        retry: Some(RETRY_LIMIT),
        ..JobCreate::new(name.parse()?, "bookworm", build_marking_command(name, max_seconds))
    })
}
