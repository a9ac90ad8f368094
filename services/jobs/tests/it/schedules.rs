//! Schedules: every due time ran, was skipped or was missed, exactly once, despite clock jumps and stopped
//! processes.

use std::sync::Mutex;

use hearth_base::{Clock as _, ErrorKind, Result};
use hearth_jobs::JobsSettings;
use hearth_kit::db::Db;
use hearth_runtime_api::Termination;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    jobs::{DueOutcome, DueRecord, JobCreate, StatusShort},
    reply::Paging,
};
use jiff::SignedDuration;

use crate::harness::{JobsHarness, build_one_off_job, job_name};

pub const TEN_MINUTES: SignedDuration = SignedDuration::from_mins(10);

/// Starts the service at noon with the job `a`, which is due every ten minutes.
pub async fn start_ten_minute_job(db: Db) -> Result<JobsHarness> {
    let harness = JobsHarness::new(db).await?;
    harness
        .create(&JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..build_one_off_job("a") })
        .await?;
    Ok(harness)
}

/// Advances the clock and waits until the scheduler has settled all due times.
pub async fn advance_clock(harness: &JobsHarness, time: SignedDuration) -> Result<()> {
    harness.stand.advance_clock(time);
    wake_scheduler(harness).await?;
    let now = harness.stand.clock.now();
    wait_until("nothing more is due", async || {
        let next = harness.show_job("a").await?.status.next_schedule;
        Ok(next.is_none_or(|next| next > now).then_some(()))
    })
    .await
}

/// Wakes the scheduler by creating a scheduled job: otherwise it waits by the real clock.
pub async fn wake_scheduler(harness: &JobsHarness) -> Result<()> {
    let job = JobCreate { schedule: Some("@yearly".to_owned()), ..build_one_off_job("wake") };
    harness.maintainer.jobs().update(&harness.tool, &job).await?;
    harness.maintainer.jobs().delete(&harness.tool, &job_name("wake")).await.map(drop)
}

pub async fn read_history(harness: &JobsHarness) -> Result<Vec<DueRecord>> {
    let call = harness.maintainer.jobs();
    call.show_history(&harness.tool, &job_name("a"), &Paging::default()).await.map(|history| history.history)
}

/// Waits until the ledger has these outcomes with their counts, the oldest first, and checks that it has no
/// gap and no duplicate.
pub async fn expect_ledger(harness: &JobsHarness, wanted: &[(DueOutcome, u64)]) -> Result<Vec<DueRecord>> {
    let seen = Mutex::new(Vec::new());
    let known = wait_until("the ledger has the expected entries", async || {
        let mut known = read_history(harness).await?;
        known.reverse();
        let outcomes: Vec<_> = known.iter().map(|due| (due.outcome, due.count)).collect();
        let is_expected = outcomes == wanted;
        *seen.lock().unwrap() = outcomes;
        Ok(is_expected.then_some(known))
    })
    .await;
    let known = known.inspect_err(|_| assert_eq!(*seen.lock().unwrap(), wanted))?;
    for due in &known {
        assert_eq!(due.until, due.due + TEN_MINUTES * i32::try_from(due.count - 1).unwrap(), "{due:?}");
        assert_eq!(due.outcome == DueOutcome::Ran, due.reason.is_none(), "{due:?}");
    }
    assert!(known.windows(2).all(|pair| pair[1].due == pair[0].until + TEN_MINUTES), "{known:#?}");
    Ok(known)
}

use DueOutcome::{Missed, Ran, Skipped};

async fn each_due_time_ran_was_skipped_or_was_missed(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    assert!(read_history(&harness).await?.is_empty());
    assert_eq!(
        harness.show_job("a").await?.status.next_schedule.unwrap().to_string(),
        "2026-05-04T12:10:00Z"
    );
    advance_clock(&harness, TEN_MINUTES + SignedDuration::from_secs(5)).await?;
    let first = harness.wait_for_one_running(None).await?;
    // The previous run is still active, twice.
    for _ in 0..2 {
        advance_clock(&harness, TEN_MINUTES).await?;
    }
    let known = expect_ledger(&harness, &[(Ran, 1), (Skipped, 2)]).await?;
    assert_eq!(known[1].reason.as_deref(), Some("the previous run was still active"));
    harness.runtime.fake.end_instance(first, Termination::Exited { code: 3 })?;
    harness.wait_for_status("a", StatusShort::Failed).await?;
    // Four minutes late.
    advance_clock(&harness, SignedDuration::from_mins(14)).await?;
    let known = expect_ledger(&harness, &[(Ran, 1), (Skipped, 2), (Missed, 1)]).await?;
    assert_eq!(known[2].reason.as_deref(), Some("it was not started within 30 seconds"));
    let run = known[0].run.as_ref().unwrap();
    assert_eq!((run.due, run.exit_code, run.cause.as_str()), (Some(known[0].due), Some(3), "schedule"));
    // A requested run is not a due time.
    harness.maintainer.jobs().restart(&harness.tool, &job_name("a")).await?;
    harness.end_one_container(Some(first), 0).await?;
    assert_eq!(read_history(&harness).await?.len(), 3);
    assert_eq!(harness.list_runs("a").await?.len(), 2, "the list of runs has started runs only");
    Ok(())
}

async fn only_the_newest_runs_and_entries_are_stored(db: Db) -> Result<()> {
    let mut harness = JobsHarness::with_config(db, |config| {
        config.change_section(|jobs: &mut JobsSettings| jobs.runs_most = 2)
    })
    .await?;
    for name in ["a", "b"] {
        harness
            .create(&JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..build_one_off_job(name) })
            .await?;
    }
    for due in 1..=5 {
        advance_clock(&harness, TEN_MINUTES).await?;
        let both = async || Ok((harness.list_running().await.len() == 2).then_some(()));
        wait_until("both run", both).await?;
        for one in harness.list_running().await {
            harness.runtime.fake.end_instance(one, Termination::Exited { code: 0 })?;
        }
        for name in ["a", "b"] {
            let ended = async || {
                let runs = harness.list_runs(name).await?;
                let over = runs.iter().filter(|run| run.end.is_some()).count();
                Ok((over == due).then_some(()))
            };
            wait_until("it is over", ended).await?;
        }
    }
    harness.wait_until_idle().await?;
    // The next hourly sweep deletes older rows.
    restart_after_an_hour(&mut harness).await?;
    for name in ["a", "b"] {
        let newest = async || {
            let runs = harness.list_runs(name).await?;
            Ok((runs.len() == 2).then_some(runs))
        };
        let runs = wait_until("two runs are stored", newest).await?;
        let due: Vec<String> = runs.iter().filter_map(|run| run.due).map(|due| due.to_string()).collect();
        assert_eq!(due, ["2026-05-04T12:50:00Z", "2026-05-04T12:40:00Z"]);
    }
    // Due times missed meanwhile add one entry, before or after that sweep. Later missed ones are merged into
    // it.
    let missed = async || Ok((read_history(&harness).await?[0].outcome == Missed).then_some(()));
    wait_until("the ledger has the missed due times", missed).await?;
    restart_after_an_hour(&mut harness).await?;
    let swept = async || {
        let outcomes: Vec<_> = read_history(&harness).await?.iter().map(|due| due.outcome).collect();
        Ok((outcomes == [Missed, Ran]).then_some(()))
    };
    wait_until("the ledger has two entries", swept).await
}

/// Stops the service and starts it 76 minutes later, when nothing is due.
async fn restart_after_an_hour(harness: &mut JobsHarness) -> Result<()> {
    harness.stop().await;
    harness.stand.advance_clock(SignedDuration::from_mins(76));
    harness.start().await
}

async fn pause_is_recorded_as_skipped_due_times(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    let (jobs, name) = (harness.maintainer.jobs(), job_name("a"));
    let paused = jobs.pause(&harness.tool, &name).await?;
    assert_eq!((paused.status.paused.is_some(), paused.status.next_schedule), (true, None));
    assert!(paused.status_long.contains("it is paused"), "{}", paused.status_long);
    advance_clock(&harness, TEN_MINUTES * 3).await?;
    let open = expect_ledger(&harness, &[(Skipped, 3)]).await?;
    assert_eq!(open[0].reason.as_deref(), Some("it is paused"));
    // A change of the job does not end the pause.
    let other = JobCreate {
        schedule: Some("*/10 * * * *".to_owned()),
        cmd: "./other".to_owned(),
        ..build_one_off_job("a")
    };
    assert!(jobs.update(&harness.tool, &other).await?.job_changed);
    advance_clock(&harness, TEN_MINUTES).await?;
    assert!(harness.list_running().await.is_empty());
    let resumed = jobs.resume(&harness.tool, &name).await?;
    assert_eq!((resumed.status.paused, resumed.status.next_schedule.is_some()), (None, true));
    let known = expect_ledger(&harness, &[(Skipped, 4)]).await?;
    assert_eq!(known[0].reason.as_deref(), Some("it was paused"));
    assert!(!resumed.status_long.contains("had no run"), "a pause does not count as missed");
    advance_clock(&harness, TEN_MINUTES).await?;
    harness.end_one_container(None, 0).await?;
    expect_ledger(&harness, &[(Skipped, 4), (Ran, 1)]).await?;
    // A second resume changes nothing.
    jobs.resume(&harness.tool, &name).await?;
    expect_ledger(&harness, &[(Skipped, 4), (Ran, 1)]).await?;
    let refused = jobs.pause(&harness.tool, &job_name("b")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    harness.create(&build_one_off_job("b")).await?;
    let refused = jobs.pause(&harness.tool, &job_name("b")).await.unwrap_err();
    assert_eq!(refused.code(), "job-not-pausable");
    Ok(())
}

async fn due_times_during_downtime_are_missed(db: Db) -> Result<()> {
    let mut harness = start_ten_minute_job(db).await?;
    advance_clock(&harness, TEN_MINUTES).await?;
    harness.end_one_container(None, 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    harness.stop().await;
    harness.stand.advance_clock(TEN_MINUTES * 6 + SignedDuration::from_mins(5));
    harness.start().await?;
    let known = expect_ledger(&harness, &[(Ran, 1), (Missed, 6)]).await?;
    assert_eq!(known[1].reason.as_deref(), Some("Hearth was not running"));
    let job = harness.wait_for_job("a", |job| job.status_long.contains("had no run")).await?;
    assert!(job.status.messages.iter().any(|message| message.contains("its last 6 due times had no run")));
    // Started again in time for the next due time, it runs that one.
    harness.stop().await;
    harness.stand.advance_clock(SignedDuration::from_mins(15) + SignedDuration::from_secs(10));
    harness.start().await?;
    expect_ledger(&harness, &[(Ran, 1), (Missed, 7), (Ran, 1)]).await?;
    harness.end_one_container(None, 0).await?;
    let job = harness.wait_for_status("a", StatusShort::Succeeded).await?;
    assert!(!job.status_long.contains("had no run"), "{}", job.status_long);
    Ok(())
}

async fn clock_jumps_start_no_run_twice(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    advance_clock(&harness, TEN_MINUTES).await?;
    let first = harness.end_one_container(None, 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    // The clock jumps an hour ahead, one run starts, and the clock jumps back.
    advance_clock(&harness, TEN_MINUTES * 6).await?;
    let ahead = harness.end_one_container(Some(first), 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    let known = expect_ledger(&harness, &[(Ran, 1), (Missed, 5), (Ran, 1)]).await?;
    advance_clock(&harness, TEN_MINUTES * -6).await?;
    wait_until("future due times are removed from the ledger", async || {
        Ok((read_history(&harness).await?.len() == 2).then_some(()))
    })
    .await?;
    let mut last = ahead;
    for _ in 0..5 {
        advance_clock(&harness, TEN_MINUTES).await?;
        last = harness.end_one_container(Some(last), 0).await?;
        harness.wait_for_status("a", StatusShort::Succeeded).await?;
    }
    // The due time that ran while the clock was ahead passes.
    advance_clock(&harness, TEN_MINUTES).await?;
    let now = expect_ledger(&harness, &[(Ran, 1); 7]).await?;
    let run = |due: &DueRecord| due.run.as_ref().map(|run| run.id.clone());
    assert_eq!(now.last().and_then(run), known.last().and_then(run));
    advance_clock(&harness, TEN_MINUTES).await?;
    last = harness.end_one_container(Some(last), 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    // The clock jumps a century ahead and back: the schedule does not wait for a century.
    let century = SignedDuration::from_hours(24 * 36_525);
    advance_clock(&harness, century).await?;
    wait_until("it ran in another century", async || {
        let newest = read_history(&harness).await?.into_iter().next();
        Ok(newest.filter(|due| due.outcome == Ran && due.due == harness.stand.clock.now()))
    })
    .await?;
    harness.end_one_container(Some(last), 0).await?;
    advance_clock(&harness, -century).await?;
    wait_until("the schedule continues", async || {
        let next = harness.show_job("a").await?.status.next_schedule;
        Ok(next.filter(|next| *next < harness.stand.clock.now() + TEN_MINUTES * 2))
    })
    .await
    .map(drop)
}

async fn due_time_that_ran_while_the_clock_was_ahead_is_not_skipped(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    advance_clock(&harness, TEN_MINUTES * 4).await?;
    harness.end_one_container(None, 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    expect_ledger(&harness, &[(Missed, 3), (Ran, 1)]).await?;
    advance_clock(&harness, TEN_MINUTES * -4).await?;
    expect_ledger(&harness, &[(Ran, 1)]).await?;
    let (jobs, name) = (harness.maintainer.jobs(), job_name("a"));
    jobs.pause(&harness.tool, &name).await?;
    advance_clock(&harness, SignedDuration::from_mins(55)).await?;
    expect_ledger(&harness, &[(Skipped, 3), (Ran, 1), (Skipped, 1)]).await?;
    jobs.resume(&harness.tool, &name).await?;
    expect_ledger(&harness, &[(Skipped, 3), (Ran, 1), (Skipped, 1)]).await.map(drop)
}

async fn two_schedulers_start_no_run_twice(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    let kit = harness.stand.kit.clone();
    let second = hearth_jobs::mount_on(&kit, harness.runtime.fake.clone())?;
    for worker in second.workers {
        kit.tasks.spawn(worker.name, (worker.run)(kit.tasks.shutdown_signal()));
    }
    let mut last = None;
    for count in 1..=5 {
        advance_clock(&harness, TEN_MINUTES).await?;
        last = Some(harness.end_one_container(last, 0).await?);
        expect_ledger(&harness, &vec![(Ran, 1); count]).await?;
        harness.wait_for_status("a", StatusShort::Succeeded).await?;
    }
    assert_eq!(harness.list_runs("a").await?.len(), 5);
    Ok(())
}

async fn schedule_change_does_not_affect_earlier_due_times(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    let (jobs, name) = (harness.maintainer.jobs(), job_name("a"));
    jobs.pause(&harness.tool, &name).await?;
    harness.stand.advance_clock(TEN_MINUTES * 2);
    // Due times before a change follow the old schedule.
    let seldom = JobCreate { schedule: Some("0 0 * * *".to_owned()), ..build_one_off_job("a") };
    assert!(jobs.update(&harness.tool, &seldom).await?.job_changed);
    harness.stand.advance_clock(TEN_MINUTES * 6);
    jobs.resume(&harness.tool, &name).await?;
    expect_ledger(&harness, &[(Skipped, 2)]).await?;
    let often = JobCreate { schedule: Some("*/10 * * * *".to_owned()), ..build_one_off_job("a") };
    assert!(jobs.update(&harness.tool, &often).await?.job_changed);
    assert_eq!(
        harness.show_job("a").await?.status.next_schedule.unwrap().to_string(),
        "2026-05-04T13:30:00Z"
    );
    Ok(())
}

on_every_store!(
    each_due_time_ran_was_skipped_or_was_missed,
    only_the_newest_runs_and_entries_are_stored,
    pause_is_recorded_as_skipped_due_times,
    due_times_during_downtime_are_missed,
    clock_jumps_start_no_run_twice,
    due_time_that_ran_while_the_clock_was_ahead_is_not_skipped,
    two_schedulers_start_no_run_twice,
    schedule_change_does_not_affect_earlier_due_times,
);
