//! Jobs by the real clock and in real containers: schedules, health, and pages that change under their visitors.

use std::time::Duration;

use hearth_base::{Clock, Error, Result, SystemClock};
use hearth_testkit::{Hearth, Keyboard, Person, until_within};
use hearth_wire::{
    jobs::{Checks, HealthAsk, HealthCheck, JobCreate, JobType, RunEnd},
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::{site::site, whole::Visitor};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A person with one tool.
struct Maintainer {
    person: Person,
    keyboard: Keyboard,
}

impl Maintainer {
    async fn runs(&self, job: &str, wanted: impl Fn(&hearth_wire::jobs::Run) -> bool) -> Result<bool> {
        let all = Paging::default();
        let runs = self.person.client.jobs().runs(&"site".parse()?, &job.parse()?, &all).await?.runs;
        Ok(runs.iter().any(wanted))
    }

    async fn creates(&self, job: &JobCreate) -> Result<()> {
        self.person.client.jobs().create(&"site".parse()?, job).await.map(drop)
    }

    /// What `hearth jobs …` prints.
    async fn jobs(&self, words: &[&str]) -> Result<String> {
        self.keyboard.done(&[&["jobs"], words, &["--tool", "site"]].concat()).await
    }
}

async fn eventually(what: &str, so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    until_within(Duration::from_secs(100), what, async || Ok(so().await?.then_some(()))).await
}

#[tokio::test]
async fn schedules_health_and_pages_keep_their_word() -> Result<()> {
    let (mut hearth, person, keyboard) = site().await?;
    let maintainer = Maintainer { person, keyboard };
    // A run takes longer than a minute: at each second due time the one before still runs.
    let long = JobCreate {
        schedule: Some("* * * * *".to_owned()),
        starting_deadline: Some(5),
        ..JobCreate::new("long".parse()?, "bookworm", "sleep 65")
    };
    maintainer.creates(&long).await?;

    let visitor = Visitor::at(hearth.url())?;
    maintainer.creates(&page("one")?).await?;
    eventually("the page answers", async || Ok(visitor.visits("site").await?.1.contains("one"))).await?;
    no_visitor_notices(&visitor, &maintainer).await?;
    what_is_not_alive_is_restarted(&visitor, &maintainer).await?;
    each_due_time_is_told(&mut hearth, &maintainer).await?;
    hearth.stop().await
}

/// A page that says `text`, and is alive as long as a file in its container does not say otherwise.
fn page(text: &str) -> Result<JobCreate> {
    let serve =
        format!("mkdir /tmp/www; echo {text} > /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www");
    let often = |ask| Some(HealthCheck { interval: Some(1), failures: Some(2), ..HealthCheck::of(ask) });
    let alive = HealthAsk::Script("test ! -e /tmp/sick".to_owned());
    Ok(JobCreate {
        job_type: Some(JobType::Webservice),
        health_check: Some(HealthCheck::of(HealthAsk::Http("/".to_owned()))),
        checks: Some(Checks { liveness: often(alive), ..Checks::default() }),
        ..JobCreate::new("web".parse()?, "bookworm", serve)
    })
}

/// While it is restarted, changed, and made more and fewer.
async fn no_visitor_notices(visitor: &Visitor, maintainer: &Maintainer) -> Result<()> {
    let (count, visits) = watch::channel((0_u32, Vec::new()));
    let visiting = async {
        loop {
            match visitor.visits("site").await {
                Ok((status, _)) if status.is_success() => count.send_modify(|(good, _)| *good += 1),
                other => count.send_modify(|(_, bad)| bad.push(format!("{other:?}"))),
            }
            tokio::task::yield_now().await;
        }
    };
    let changing = async {
        let stopped = async |ends: usize| {
            let all = Paging::default();
            eventually("what was there before ends", async || {
                let runs =
                    maintainer.person.client.jobs().runs(&"site".parse()?, &"web".parse()?, &all).await?;
                Ok(runs.runs.iter().filter(|run| run.end == Some(RunEnd::Stopped)).count() == ends)
            })
            .await
        };
        maintainer.jobs(&["restart", "web"]).await?;
        stopped(1).await?;
        maintainer.person.client.jobs().update(&"site".parse()?, &page("two")?).await?;
        stopped(2).await?;
        maintainer.jobs(&["scale", "web", "2"]).await?;
        eventually("two are ready", async || {
            let job = maintainer.person.client.jobs();
            Ok(job.show(&"site".parse()?, &"web".parse()?, &Default::default()).await?.status.ready == 2)
        })
        .await?;
        maintainer.jobs(&["scale", "web", "1"]).await?;
        stopped(3).await
    };
    tokio::select! {
        () = visiting => {}
        changed = changing => changed?,
    }
    let (good, bad) = visits.borrow().clone();
    assert!(bad.is_empty() && good > 100, "{good} were well, and {bad:?}");
    Ok(())
}

async fn what_is_not_alive_is_restarted(visitor: &Visitor, maintainer: &Maintainer) -> Result<()> {
    maintainer.keyboard.done(&["exec", "--tool", "site", "--", "touch", "/tmp/sick"]).await?;
    eventually("it is restarted", async || {
        maintainer.runs("web", |run| run.end == Some(RunEnd::Unhealthy)).await
    })
    .await?;
    let runs = maintainer.jobs(&["runs", "web"]).await?;
    assert!(runs.contains("its health check ended with status 1, 2 times in a row"), "{runs}");
    eventually("it answers again", async || Ok(visitor.visits("site").await?.1.contains("two"))).await
}

/// After runs that overlap, a pause, and a time without Hearth.
async fn each_due_time_is_told(hearth: &mut Hearth, maintainer: &Maintainer) -> Result<()> {
    let told = async |said: &str| {
        eventually(said, async || Ok(maintainer.jobs(&["history", "long"]).await?.contains(said))).await
    };
    told("the run before still ran").await?;
    maintainer.jobs(&["pause", "long"]).await?;
    told("it is paused").await?;
    maintainer.jobs(&["resume", "long"]).await?;
    told("it was paused").await?;
    let next = next_minute()?;
    hearth.kill_all().await?;
    let late = next + SignedDuration::from_secs(7);
    eventually("a due time has passed", async || Ok(SystemClock.now() > late)).await?;
    hearth.revive_all().await?;
    told("Hearth was not running").await?;
    let history = maintainer.jobs(&["history", "long"]).await?;
    for outcome in ["ran", "skipped", "missed"] {
        assert!(history.contains(outcome), "{outcome}: {history}");
    }
    Ok(())
}

/// The next due time of each minute.
fn next_minute() -> Result<Timestamp> {
    let now = SystemClock.now();
    let second = now.as_second() - now.as_second().rem_euclid(60);
    Ok(Timestamp::from_second(second).map_err(Error::internal)? + MINUTE)
}
