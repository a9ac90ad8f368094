//! Jobs by the real clock in real containers: schedules, health checks, and updates of a page under load.

use std::time::Duration;

use hearth_base::{Clock, Error, Result, SystemClock};
use hearth_testkit::{CliSession, Hearth, Person, wait_until_within};
use hearth_wire::{
    jobs::{Checks, HealthCheck, HealthProbe, JobCreate, JobType, RunEnd},
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::{end_to_end::Visitor, site::start_site};

const SCHEDULE_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// A user with the tool `site`.
struct SiteMaintainer {
    person: Person,
    cli: CliSession,
}

impl SiteMaintainer {
    async fn has_matching_run(
        &self,
        job: &str,
        matches: impl Fn(&hearth_wire::jobs::Run) -> bool,
    ) -> Result<bool> {
        let all = Paging::default();
        let runs = self.person.client.jobs().list_runs(&"site".parse()?, &job.parse()?, &all).await?.runs;
        Ok(runs.iter().any(matches))
    }

    async fn create_job(&self, job: &JobCreate) -> Result<()> {
        self.person.client.jobs().create(&"site".parse()?, job).await.map(drop)
    }

    /// Runs `hearth jobs …` and returns its output.
    async fn run_jobs_command(&self, words: &[&str]) -> Result<String> {
        self.cli.run_successfully(&[&["jobs"], words, &["--tool", "site"]].concat()).await
    }
}

async fn wait_for(condition: &str, is_true: impl AsyncFn() -> Result<bool>) -> Result<()> {
    wait_until_within(Duration::from_secs(100), condition, async || Ok(is_true().await?.then_some(()))).await
}

#[tokio::test]
async fn schedules_health_checks_and_page_updates_work() -> Result<()> {
    let (mut hearth, person, cli) = start_site().await?;
    let maintainer = SiteMaintainer { person, cli };
    // A run takes longer than a minute, so the previous run is still active at every second due time.
    let long = JobCreate {
        schedule: Some("* * * * *".to_owned()),
        starting_deadline: Some(5),
        ..JobCreate::new("long".parse()?, "bookworm", "sleep 65")
    };
    maintainer.create_job(&long).await?;

    let visitor = Visitor::for_url(hearth.url())?;
    maintainer.create_job(&build_page_job("one")?).await?;
    wait_for("the page answers", async || Ok(visitor.visit_page("site").await?.1.contains("one"))).await?;
    check_pages_during_changes(&visitor, &maintainer).await?;
    check_restart_of_dead_page(&visitor, &maintainer).await?;
    check_every_due_time(&mut hearth, &maintainer).await?;
    hearth.stop().await
}

/// Builds a job with a page that contains `text`. Its liveness check fails once `/tmp/sick` exists.
fn build_page_job(text: &str) -> Result<JobCreate> {
    let serve =
        format!("mkdir /tmp/www; echo {text} > /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www");
    let every_second =
        |probe| Some(HealthCheck { interval: Some(1), failures: Some(2), ..HealthCheck::from_probe(probe) });
    let alive = HealthProbe::Script("test ! -e /tmp/sick".to_owned());
    Ok(JobCreate {
        job_type: Some(JobType::Webservice),
        health_check: Some(HealthCheck::from_probe(HealthProbe::Http("/".to_owned()))),
        checks: Some(Checks { liveness: every_second(alive), ..Checks::default() }),
        ..JobCreate::new("web".parse()?, "bookworm", serve)
    })
}

/// Checks that every visit succeeds while the page is restarted, updated and scaled.
async fn check_pages_during_changes(visitor: &Visitor, maintainer: &SiteMaintainer) -> Result<()> {
    let (count, visits) = watch::channel((0_u32, Vec::new()));
    let visiting = async {
        loop {
            match visitor.visit_page("site").await {
                Ok((status, _)) if status.is_success() => count.send_modify(|(good, _)| *good += 1),
                other => count.send_modify(|(_, bad)| bad.push(format!("{other:?}"))),
            }
            tokio::task::yield_now().await;
        }
    };
    let changing = async {
        let wait_for_stops = async |ends: usize| {
            let all = Paging::default();
            wait_for("the old container stops", async || {
                let runs = maintainer
                    .person
                    .client
                    .jobs()
                    .list_runs(&"site".parse()?, &"web".parse()?, &all)
                    .await?;
                Ok(runs.runs.iter().filter(|run| run.end == Some(RunEnd::Stopped)).count() == ends)
            })
            .await
        };
        maintainer.run_jobs_command(&["restart", "web"]).await?;
        wait_for_stops(1).await?;
        maintainer.person.client.jobs().update(&"site".parse()?, &build_page_job("two")?).await?;
        wait_for_stops(2).await?;
        maintainer.run_jobs_command(&["scale", "web", "2"]).await?;
        wait_for("two replicas are ready", async || {
            let job = maintainer.person.client.jobs();
            Ok(job.show(&"site".parse()?, &"web".parse()?, &Default::default()).await?.status.ready == 2)
        })
        .await?;
        maintainer.run_jobs_command(&["scale", "web", "1"]).await?;
        wait_for_stops(3).await
    };
    tokio::select! {
        () = visiting => {}
        changed = changing => changed?,
    }
    let (good, bad) = visits.borrow().clone();
    assert!(bad.is_empty() && good > 100, "{good} visits succeeded; failed visits: {bad:?}");
    Ok(())
}

async fn check_restart_of_dead_page(visitor: &Visitor, maintainer: &SiteMaintainer) -> Result<()> {
    maintainer.cli.run_successfully(&["exec", "--tool", "site", "--", "touch", "/tmp/sick"]).await?;
    wait_for("the container is restarted", async || {
        maintainer.has_matching_run("web", |run| run.end == Some(RunEnd::Unhealthy)).await
    })
    .await?;
    let runs = maintainer.run_jobs_command(&["runs", "web"]).await?;
    assert!(runs.contains("its health check ended with status 1, 2 times in a row"), "{runs}");
    wait_for("the page answers again", async || Ok(visitor.visit_page("site").await?.1.contains("two"))).await
}

/// Checks the ledger after overlapping runs, a pause, and a stop of Hearth.
async fn check_every_due_time(hearth: &mut Hearth, maintainer: &SiteMaintainer) -> Result<()> {
    let wait_for_history = async |text: &str| {
        wait_for(text, async || Ok(maintainer.run_jobs_command(&["history", "long"]).await?.contains(text)))
            .await
    };
    wait_for_history("the previous run was still active").await?;
    maintainer.run_jobs_command(&["pause", "long"]).await?;
    wait_for_history("it is paused").await?;
    maintainer.run_jobs_command(&["resume", "long"]).await?;
    wait_for_history("it was paused").await?;
    let next = compute_next_minute()?;
    hearth.kill_all().await?;
    let late = next + SignedDuration::from_secs(7);
    wait_for("a due time has passed", async || Ok(SystemClock.now() > late)).await?;
    hearth.start_missing_processes().await?;
    wait_for_history("Hearth was not running").await?;
    let history = maintainer.run_jobs_command(&["history", "long"]).await?;
    for outcome in ["ran", "skipped", "missed"] {
        assert!(history.contains(outcome), "{outcome}: {history}");
    }
    Ok(())
}

/// Returns the start of the next minute.
fn compute_next_minute() -> Result<Timestamp> {
    let now = SystemClock.now();
    let second = now.as_second() - now.as_second().rem_euclid(60);
    Ok(Timestamp::from_second(second).map_err(Error::internal)? + SCHEDULE_PERIOD)
}
