//! Views of a schedule: its history and its preview.

use hearth_base::{PageLimit, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    jobs::{DueOutcome::Ran, JobCreate, ScheduleQuery, StatusShort},
    reply::Paging,
};

use crate::{
    harness::{JobsHarness, build_one_off_job, job_name},
    schedules::{TEN_MINUTES, advance_clock, expect_ledger, start_ten_minute_job},
};

async fn history_shows_the_newest_retry(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let job =
        JobCreate { schedule: Some("*/10 * * * *".to_owned()), retry: Some(1), ..build_one_off_job("a") };
    harness.create(&job).await?;
    advance_clock(&harness, TEN_MINUTES).await?;
    let first = harness.end_one_container(None, 1).await?;
    harness.end_one_container(Some(first), 0).await?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    let known = expect_ledger(&harness, &[(Ran, 1)]).await?;
    let run = known[0].run.as_ref().unwrap();
    assert_eq!((run.attempt, run.exit_code, run.cause.as_str()), (2, Some(0), "retry"));
    Ok(())
}

async fn schedule_preview_matches_the_saved_schedule(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let preview = async |schedule: &str, timezone: Option<&str>| {
        let query = ScheduleQuery {
            schedule: schedule.to_owned(),
            job: Some(job_name("a")),
            timezone: timezone.map(str::to_owned),
        };
        harness.viewer.jobs().preview_schedule(&harness.tool, &query).await
    };
    let plan = preview("30 2 * mar sun", Some("Europe/Berlin")).await?;
    assert_eq!((plan.timezone.as_str(), plan.due.len()), ("Europe/Berlin", 10));
    assert_eq!(plan.due[0].local, "2027-03-07T02:30:00+01:00");
    assert_eq!(plan.due[0].at.to_string(), "2027-03-07T01:30:00Z");
    let daily = preview("@daily", None).await?;
    harness.create(&JobCreate { schedule: Some("@daily".to_owned()), ..build_one_off_job("a") }).await?;
    let job = harness.show_job("a").await?;
    assert_eq!(Some(&daily.schedule_actual), job.schedule_actual.as_ref());
    assert_eq!(Some(daily.due[0].at), job.status.next_schedule);
    for (schedule, zone, code) in [
        ("soon", None, "schedule"),
        ("0 0 31 2 *", None, "schedule"),
        ("@daily", Some("Mars/Base"), "timezone"),
    ] {
        assert_eq!(preview(schedule, zone).await.unwrap_err().code(), code, "{schedule}");
    }
    Ok(())
}

async fn history_is_paged(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    let mut last = None;
    for _ in 0..3 {
        advance_clock(&harness, TEN_MINUTES).await?;
        last = Some(harness.end_one_container(last, 0).await?);
        harness.wait_for_status("a", StatusShort::Succeeded).await?;
    }
    let all = expect_ledger(&harness, &[(Ran, 1); 3]).await?;
    let (jobs, name) = (harness.viewer.jobs(), job_name("a"));
    let mut paging = Paging { limit: PageLimit::new(2)?, cursor: None };
    let first = jobs.show_history(&harness.tool, &name, &paging).await?;
    paging.cursor = first.next;
    let second = jobs.show_history(&harness.tool, &name, &paging).await?;
    assert_eq!(second.next, None);
    let mut pages = [first.history, second.history].concat();
    pages.reverse();
    assert_eq!(pages, all);
    harness.create(&build_one_off_job("b")).await?;
    let refused = jobs.show_history(&harness.tool, &job_name("b"), &Paging::default()).await.unwrap_err();
    assert_eq!(refused.code(), "job-not-scheduled");
    Ok(())
}

on_every_store!(
    history_shows_the_newest_retry,
    schedule_preview_matches_the_saved_schedule,
    history_is_paged
);
