//! Schedules: every due time ran, was skipped or was missed, exactly once, whatever happens to clock and processes.

use std::sync::Mutex;

use hearth_base::{Clock as _, Kind, Limit, Result};
use hearth_jobs::JobsSettings;
use hearth_kit::db::Db;
use hearth_runtime_api::End;
use hearth_testkit::{on_every_store, until};
use hearth_wire::{
    jobs::{Due, DueOutcome, JobCreate, ScheduleQuery, StatusShort},
    reply::Paging,
};
use jiff::SignedDuration;

use crate::stage::{Stage, job_name, once};

pub const TEN: SignedDuration = SignedDuration::from_mins(10);

/// A job for every ten minutes, the first time at ten past twelve. It is noon.
pub async fn every_ten(db: Db) -> Result<Stage> {
    let stage = Stage::new(db).await?;
    stage.create(&JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..once("a") }).await?;
    Ok(stage)
}

/// Lets time pass, and the scheduler do what is due by then.
pub async fn pass(stage: &Stage, time: SignedDuration) -> Result<()> {
    stage.stand.passes(time);
    wake(stage).await?;
    let now = stage.stand.clock.now();
    until("nothing more is due", async || {
        let next = stage.job("a").await?.status.next_schedule;
        Ok(next.is_none_or(|next| next > now).then_some(()))
    })
    .await
}

/// Has the scheduler look, which would wait for the real time otherwise: whatever is planned anew wakes it.
pub async fn wake(stage: &Stage) -> Result<()> {
    let job = JobCreate { schedule: Some("@yearly".to_owned()), ..once("wake") };
    stage.maintainer.jobs().update(&stage.tool, &job).await?;
    stage.maintainer.jobs().delete(&stage.tool, &job_name("wake")).await.map(drop)
}

pub async fn history(stage: &Stage) -> Result<Vec<Due>> {
    let call = stage.maintainer.jobs();
    call.history(&stage.tool, &job_name("a"), &Paging::default()).await.map(|history| history.history)
}

/// Waits until the ledger says this, oldest first: what became of how many due times. It has no gap and no double.
pub async fn says(stage: &Stage, wanted: &[(DueOutcome, u64)]) -> Result<Vec<Due>> {
    let seen = Mutex::new(Vec::new());
    let known = until("the ledger says so", async || {
        let mut known = history(stage).await?;
        known.reverse();
        let told: Vec<_> = known.iter().map(|due| (due.outcome, due.count)).collect();
        let is_so = told == wanted;
        *seen.lock().unwrap() = told;
        Ok(is_so.then_some(known))
    })
    .await;
    let known = known.inspect_err(|_| assert_eq!(*seen.lock().unwrap(), wanted))?;
    for due in &known {
        assert_eq!(due.until, due.due + TEN * i32::try_from(due.count - 1).unwrap(), "{due:?}");
        assert_eq!(due.outcome == DueOutcome::Ran, due.reason.is_none(), "{due:?}");
    }
    assert!(known.windows(2).all(|pair| pair[1].due == pair[0].until + TEN), "{known:#?}");
    Ok(known)
}

use DueOutcome::{Missed, Ran, Skipped};

async fn each_due_time_ran_was_skipped_or_was_missed(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    assert!(history(&stage).await?.is_empty());
    assert_eq!(stage.job("a").await?.status.next_schedule.unwrap().to_string(), "2026-05-04T12:10:00Z");
    pass(&stage, TEN + SignedDuration::from_secs(5)).await?;
    let first = stage.one_running(None).await?;
    // The run before still runs, twice.
    for _ in 0..2 {
        pass(&stage, TEN).await?;
    }
    let known = says(&stage, &[(Ran, 1), (Skipped, 2)]).await?;
    assert_eq!(known[1].reason.as_deref(), Some("the run before still ran"));
    stage.runtime.fake.end(first, End::Exited { code: 3 })?;
    stage.until_short("a", StatusShort::Failed).await?;
    // Four minutes late.
    pass(&stage, SignedDuration::from_mins(14)).await?;
    let known = says(&stage, &[(Ran, 1), (Skipped, 2), (Missed, 1)]).await?;
    assert_eq!(known[2].reason.as_deref(), Some("it could not be started within 30 seconds"));
    let run = known[0].run.as_ref().unwrap();
    assert_eq!((run.due, run.exit_code, run.cause.as_str()), (Some(known[0].due), Some(3), "schedule"));
    // What somebody asks for is no due time.
    stage.maintainer.jobs().restart(&stage.tool, &job_name("a")).await?;
    stage.end_one(Some(first), 0).await?;
    assert_eq!(history(&stage).await?.len(), 3);
    assert_eq!(stage.runs("a").await?.len(), 2, "runs are what ran");
    Ok(())
}

async fn the_newest_are_remembered(db: Db) -> Result<()> {
    let mut stage =
        Stage::with(db, |config| config.change(|jobs: &mut JobsSettings| jobs.runs_most = 2)).await?;
    for name in ["a", "b"] {
        stage.create(&JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..once(name) }).await?;
    }
    for due in 1..=5 {
        pass(&stage, TEN).await?;
        let both = async || Ok((stage.running().await.len() == 2).then_some(()));
        until("both run", both).await?;
        for one in stage.running().await {
            stage.runtime.fake.end(one, End::Exited { code: 0 })?;
        }
        for name in ["a", "b"] {
            let ended = async || {
                let runs = stage.runs(name).await?;
                let over = runs.iter().filter(|run| run.end.is_some()).count();
                Ok((over == due).then_some(()))
            };
            until("it is over", ended).await?;
        }
    }
    stage.nothing_left().await?;
    // Once an hour has passed, what is more goes.
    later(&mut stage).await?;
    for name in ["a", "b"] {
        let newest = async || {
            let runs = stage.runs(name).await?;
            Ok((runs.len() == 2).then_some(runs))
        };
        let runs = until("two are remembered", newest).await?;
        let due: Vec<String> = runs.iter().filter_map(|run| run.due).map(|due| due.to_string()).collect();
        assert_eq!(due, ["2026-05-04T12:50:00Z", "2026-05-04T12:40:00Z"]);
    }
    // What was missed meanwhile is an entry more, written before that hour's forgetting or after it. What is missed
    // from then on joins it.
    let missed = async || Ok((history(&stage).await?[0].outcome == Missed).then_some(()));
    until("the ledger has what was missed", missed).await?;
    later(&mut stage).await?;
    let told = async || {
        let outcomes: Vec<_> = history(&stage).await?.iter().map(|due| due.outcome).collect();
        Ok((outcomes == [Missed, Ran]).then_some(()))
    };
    until("the ledger has as many", told).await
}

/// Another process begins, an hour later and more; nothing is due just then.
async fn later(stage: &mut Stage) -> Result<()> {
    stage.stop().await;
    stage.stand.passes(SignedDuration::from_mins(76));
    stage.start().await
}

async fn a_pause_is_written_down_as_what_it_was(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    let (jobs, name) = (stage.maintainer.jobs(), job_name("a"));
    let paused = jobs.pause(&stage.tool, &name).await?;
    assert_eq!((paused.status.paused.is_some(), paused.status.next_schedule), (true, None));
    assert!(paused.status_long.contains("it is paused"), "{}", paused.status_long);
    pass(&stage, TEN * 3).await?;
    let open = says(&stage, &[(Skipped, 3)]).await?;
    assert_eq!(open[0].reason.as_deref(), Some("it is paused"));
    // A change of the job is no end of the pause.
    let other =
        JobCreate { schedule: Some("*/10 * * * *".to_owned()), cmd: "./other".to_owned(), ..once("a") };
    assert!(jobs.update(&stage.tool, &other).await?.job_changed);
    pass(&stage, TEN).await?;
    assert!(stage.running().await.is_empty());
    let resumed = jobs.resume(&stage.tool, &name).await?;
    assert_eq!((resumed.status.paused, resumed.status.next_schedule.is_some()), (None, true));
    let known = says(&stage, &[(Skipped, 4)]).await?;
    assert_eq!(known[0].reason.as_deref(), Some("it was paused"));
    assert!(!resumed.status_long.contains("brought no run"), "a pause is no silence");
    pass(&stage, TEN).await?;
    stage.end_one(None, 0).await?;
    says(&stage, &[(Skipped, 4), (Ran, 1)]).await?;
    // Again, it changes nothing.
    jobs.resume(&stage.tool, &name).await?;
    says(&stage, &[(Skipped, 4), (Ran, 1)]).await?;
    let refused = jobs.pause(&stage.tool, &job_name("b")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound);
    stage.create(&once("b")).await?;
    let refused = jobs.pause(&stage.tool, &job_name("b")).await.unwrap_err();
    assert_eq!(refused.code(), "job-not-pausable");
    Ok(())
}

async fn what_was_due_while_hearth_was_down_is_missed(db: Db) -> Result<()> {
    let mut stage = every_ten(db).await?;
    pass(&stage, TEN).await?;
    stage.end_one(None, 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    stage.stop().await;
    stage.stand.passes(TEN * 6 + SignedDuration::from_mins(5));
    stage.start().await?;
    let known = says(&stage, &[(Ran, 1), (Missed, 6)]).await?;
    assert_eq!(known[1].reason.as_deref(), Some("Hearth was not running"));
    let job = stage.until("a", |job| job.status_long.contains("brought no run")).await?;
    assert!(job.status.messages.iter().any(|said| said.contains("its last 6 due times brought no run")));
    // Back in time for the next, it begins that.
    stage.stop().await;
    stage.stand.passes(SignedDuration::from_mins(15) + SignedDuration::from_secs(10));
    stage.start().await?;
    says(&stage, &[(Ran, 1), (Missed, 7), (Ran, 1)]).await?;
    stage.end_one(None, 0).await?;
    let job = stage.until_short("a", StatusShort::Succeeded).await?;
    assert!(!job.status_long.contains("brought no run"), "{}", job.status_long);
    Ok(())
}

async fn a_clock_that_jumps_starts_nothing_twice(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    pass(&stage, TEN).await?;
    let first = stage.end_one(None, 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    // An hour ahead, one run there, and back.
    pass(&stage, TEN * 6).await?;
    let ahead = stage.end_one(Some(first), 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    let known = says(&stage, &[(Ran, 1), (Missed, 5), (Ran, 1)]).await?;
    pass(&stage, TEN * -6).await?;
    until("what has yet to come is not missed", async || {
        Ok((history(&stage).await?.len() == 2).then_some(()))
    })
    .await?;
    let mut last = ahead;
    for _ in 0..5 {
        pass(&stage, TEN).await?;
        last = stage.end_one(Some(last), 0).await?;
        stage.until_short("a", StatusShort::Succeeded).await?;
    }
    // The time at which it ran when the clock was ahead is over.
    pass(&stage, TEN).await?;
    let now = says(&stage, &[(Ran, 1); 7]).await?;
    let run = |due: &Due| due.run.as_ref().map(|run| run.id.clone());
    assert_eq!(now.last().and_then(run), known.last().and_then(run));
    pass(&stage, TEN).await?;
    last = stage.end_one(Some(last), 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    // A century ahead and back: it does not wait for a century.
    let century = SignedDuration::from_hours(24 * 36_525);
    pass(&stage, century).await?;
    until("it ran in another century", async || {
        let newest = history(&stage).await?.into_iter().next();
        Ok(newest.filter(|due| due.outcome == Ran && due.due == stage.stand.clock.now()))
    })
    .await?;
    stage.end_one(Some(last), 0).await?;
    pass(&stage, -century).await?;
    until("the schedule goes on", async || {
        let next = stage.job("a").await?.status.next_schedule;
        Ok(next.filter(|next| *next < stage.stand.clock.now() + TEN * 2))
    })
    .await
    .map(drop)
}

async fn what_ran_when_the_clock_was_ahead_is_not_left_out_as_well(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    pass(&stage, TEN * 4).await?;
    stage.end_one(None, 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    says(&stage, &[(Missed, 3), (Ran, 1)]).await?;
    pass(&stage, TEN * -4).await?;
    says(&stage, &[(Ran, 1)]).await?;
    let (jobs, name) = (stage.maintainer.jobs(), job_name("a"));
    jobs.pause(&stage.tool, &name).await?;
    pass(&stage, SignedDuration::from_mins(55)).await?;
    says(&stage, &[(Skipped, 3), (Ran, 1), (Skipped, 1)]).await?;
    jobs.resume(&stage.tool, &name).await?;
    says(&stage, &[(Skipped, 3), (Ran, 1), (Skipped, 1)]).await.map(drop)
}

async fn two_schedulers_by_mistake_start_nothing_twice(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    let kit = stage.stand.kit.clone();
    let second = hearth_jobs::mount_on(&kit, stage.runtime.fake.clone())?;
    for worker in second.workers {
        kit.tasks.start(worker.name, (worker.run)(kit.tasks.stop_sign()));
    }
    let mut last = None;
    for count in 1..=5 {
        pass(&stage, TEN).await?;
        last = Some(stage.end_one(last, 0).await?);
        says(&stage, &vec![(Ran, 1); count]).await?;
        stage.until_short("a", StatusShort::Succeeded).await?;
    }
    assert_eq!(stage.runs("a").await?.len(), 5);
    Ok(())
}

async fn of_several_tries_the_newest_is_shown(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let job = JobCreate { schedule: Some("*/10 * * * *".to_owned()), retry: Some(1), ..once("a") };
    stage.create(&job).await?;
    pass(&stage, TEN).await?;
    let first = stage.end_one(None, 1).await?;
    stage.end_one(Some(first), 0).await?;
    stage.until_short("a", StatusShort::Succeeded).await?;
    let known = says(&stage, &[(Ran, 1)]).await?;
    let run = known[0].run.as_ref().unwrap();
    assert_eq!((run.attempt, run.exit_code, run.cause.as_str()), (2, Some(0), "retry"));
    Ok(())
}

async fn a_change_of_schedule_holds_from_then_on(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    let (jobs, name) = (stage.maintainer.jobs(), job_name("a"));
    jobs.pause(&stage.tool, &name).await?;
    stage.stand.passes(TEN * 2);
    // Each due time is one of the schedule that held then.
    let seldom = JobCreate { schedule: Some("0 0 * * *".to_owned()), ..once("a") };
    assert!(jobs.update(&stage.tool, &seldom).await?.job_changed);
    stage.stand.passes(TEN * 6);
    jobs.resume(&stage.tool, &name).await?;
    says(&stage, &[(Skipped, 2)]).await?;
    let often = JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..once("a") };
    assert!(jobs.update(&stage.tool, &often).await?.job_changed);
    assert_eq!(stage.job("a").await?.status.next_schedule.unwrap().to_string(), "2026-05-04T13:30:00Z");
    Ok(())
}

async fn a_schedule_is_looked_at_before_it_is_saved(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let ask = async |schedule: &str, timezone: Option<&str>| {
        let query = ScheduleQuery {
            schedule: schedule.to_owned(),
            job: Some(job_name("a")),
            timezone: timezone.map(str::to_owned),
        };
        stage.viewer.jobs().schedule(&stage.tool, &query).await
    };
    let plan = ask("30 2 * mar sun", Some("Europe/Berlin")).await?;
    assert_eq!((plan.timezone.as_str(), plan.due.len()), ("Europe/Berlin", 10));
    assert_eq!(plan.due[0].local, "2027-03-07T02:30:00+01:00");
    assert_eq!(plan.due[0].at.to_string(), "2027-03-07T01:30:00Z");
    let daily = ask("@daily", None).await?;
    stage.create(&JobCreate { schedule: Some("@daily".to_owned()), ..once("a") }).await?;
    let job = stage.job("a").await?;
    assert_eq!(Some(&daily.schedule_actual), job.schedule_actual.as_ref());
    assert_eq!(Some(daily.due[0].at), job.status.next_schedule);
    for (schedule, zone, code) in [
        ("soon", None, "schedule"),
        ("0 0 31 2 *", None, "schedule"),
        ("@daily", Some("Mars/Base"), "timezone"),
    ] {
        assert_eq!(ask(schedule, zone).await.unwrap_err().code(), code, "{schedule}");
    }
    Ok(())
}

async fn history_is_paged(db: Db) -> Result<()> {
    let stage = every_ten(db).await?;
    let mut last = None;
    for _ in 0..3 {
        pass(&stage, TEN).await?;
        last = Some(stage.end_one(last, 0).await?);
        stage.until_short("a", StatusShort::Succeeded).await?;
    }
    let all = says(&stage, &[(Ran, 1); 3]).await?;
    let (jobs, name) = (stage.viewer.jobs(), job_name("a"));
    let mut paging = Paging { limit: Limit::new(2)?, cursor: None };
    let first = jobs.history(&stage.tool, &name, &paging).await?;
    paging.cursor = first.next;
    let second = jobs.history(&stage.tool, &name, &paging).await?;
    assert_eq!(second.next, None);
    let mut pages = [first.history, second.history].concat();
    pages.reverse();
    assert_eq!(pages, all);
    stage.create(&once("b")).await?;
    let refused = jobs.history(&stage.tool, &job_name("b"), &Paging::default()).await.unwrap_err();
    assert_eq!(refused.code(), "job-not-scheduled");
    Ok(())
}

on_every_store!(
    each_due_time_ran_was_skipped_or_was_missed,
    the_newest_are_remembered,
    a_pause_is_written_down_as_what_it_was,
    what_was_due_while_hearth_was_down_is_missed,
    a_clock_that_jumps_starts_nothing_twice,
    what_ran_when_the_clock_was_ahead_is_not_left_out_as_well,
    two_schedulers_by_mistake_start_nothing_twice,
    of_several_tries_the_newest_is_shown,
    a_change_of_schedule_holds_from_then_on,
    a_schedule_is_looked_at_before_it_is_saved,
    history_is_paged,
);
