//! Due times while the tool's quota is exhausted.

use hearth_base::{Memory, Result};
use hearth_kit::db::Db;
use hearth_runtime_api::Termination;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{
    DueOutcome::{Missed, Ran},
    JobCreate,
};
use jiff::SignedDuration;

use crate::{
    harness::{build_continuous_job, build_one_off_job, is_run, job_name},
    schedules::{TEN_MINUTES, advance_clock, expect_ledger, read_history, start_ten_minute_job},
};

const QUOTA_REASON: &str = "job a exceeds the quota of the tool: 8704Mi of memory; at most 8Gi";

/// The quota also limits scheduled runs.
async fn due_run_waits_until_the_quota_allows_it(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    let half = |name: &str| JobCreate { memory: Some(Memory::from_mib(4096)), ..build_continuous_job(name) };
    for name in ["b", "c"] {
        harness.create(&half(name)).await?;
    }
    let run = async |wanted: usize| {
        wait_until("the jobs are running", async || {
            Ok((harness.list_running().await.len() == wanted).then_some(()))
        })
        .await
    };
    run(2).await?;
    advance_clock(&harness, TEN_MINUTES + SignedDuration::from_secs(5)).await?;
    assert!(read_history(&harness).await?.is_empty() && harness.list_runs("a").await?.is_empty());

    harness.maintainer.jobs().delete(&harness.tool, &job_name("b")).await?;
    run(1).await?;
    let begun = async || {
        advance_clock(&harness, SignedDuration::from_secs(5)).await?;
        Ok((!read_history(&harness).await?.is_empty()).then_some(()))
    };
    wait_until("the due run starts", begun).await?;
    let known = expect_ledger(&harness, &[(Ran, 1)]).await?;
    assert_eq!(known[0].due.to_string(), "2026-05-04T12:10:00Z");
    run(2).await?;
    for one in harness.list_running().await.into_iter().filter(|one| is_run(&one.workload)) {
        harness.runtime.fake.end_instance(one, Termination::Exited { code: 0 })?;
    }
    let over = async || Ok(harness.list_runs("a").await?.iter().all(|run| run.end.is_some()).then_some(()));
    wait_until("the run has ended", over).await?;

    // It waits until its starting deadline.
    harness.create(&half("b")).await?;
    run(2).await?;
    advance_clock(&harness, TEN_MINUTES).await?;
    expect_ledger(&harness, &[(Ran, 1)]).await?;
    advance_clock(&harness, SignedDuration::from_secs(30)).await?;
    let known = expect_ledger(&harness, &[(Ran, 1), (Missed, 1)]).await?;
    assert_eq!(known[1].reason.as_deref(), Some(QUOTA_REASON));
    Ok(())
}

/// Due times before a change belong to the old definition.
async fn waiting_due_time_is_missed_when_its_job_changes(db: Db) -> Result<()> {
    let harness = start_ten_minute_job(db).await?;
    for name in ["b", "c"] {
        harness
            .create(&JobCreate { memory: Some(Memory::from_mib(4096)), ..build_continuous_job(name) })
            .await?;
    }
    wait_until("the jobs are running", async || Ok((harness.list_running().await.len() == 2).then_some(())))
        .await?;
    advance_clock(&harness, TEN_MINUTES + SignedDuration::from_secs(5)).await?;
    let often = JobCreate { schedule: Some("* * * * *".to_owned()), ..build_one_off_job("a") };
    harness.maintainer.jobs().update(&harness.tool, &often).await?;
    let known = expect_ledger(&harness, &[(Missed, 1)]).await?;
    assert_eq!(known[0].due.to_string(), "2026-05-04T12:10:00Z");
    assert_eq!(known[0].reason.as_deref(), Some(QUOTA_REASON));
    let next = harness.show_job("a").await?.status.next_schedule;
    assert_eq!(next.map(|next| next.to_string()).as_deref(), Some("2026-05-04T12:11:00Z"));
    Ok(())
}

on_every_store!(due_run_waits_until_the_quota_allows_it, waiting_due_time_is_missed_when_its_job_changes,);
