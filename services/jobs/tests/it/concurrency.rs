//! Due times while the previous run is active.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{Concurrency, DueOutcome::Ran, JobCreate, RunEnd};

use crate::{
    harness::{JobsHarness, build_one_off_job},
    schedules::{TEN_MINUTES, advance_clock, expect_ledger},
};

async fn concurrency_policy_allows_or_replaces_active_runs(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let job_with = |concurrency| JobCreate {
        schedule: Some("*/10 * * * *".to_owned()),
        concurrency: Some(concurrency),
        ..build_one_off_job("a")
    };
    harness.create(&job_with(Concurrency::Allow)).await?;
    for due in 1..=2 {
        advance_clock(&harness, TEN_MINUTES).await?;
        wait_until("the runs are running", async || {
            Ok((harness.list_running().await.len() == due).then_some(()))
        })
        .await?;
    }
    let before = harness.list_running().await;
    harness.maintainer.jobs().update(&harness.tool, &job_with(Concurrency::Replace)).await?;
    advance_clock(&harness, TEN_MINUTES).await?;
    let replaced = async || {
        let now = harness.list_running().await;
        Ok((now.len() == 1 && !before.contains(&now[0])).then_some(()))
    };
    wait_until("one run replaces both", replaced).await?;
    let stopped = async || {
        let runs = harness.list_runs("a").await?;
        let stopped = runs.iter().filter(|run| run.end == Some(RunEnd::Stopped)).count();
        Ok((runs.len() == 3 && stopped == 2).then_some(()))
    };
    wait_until("both runs are stopped", stopped).await?;
    expect_ledger(&harness, &[(Ran, 1), (Ran, 1), (Ran, 1)]).await.map(drop)
}

on_every_store!(concurrency_policy_allows_or_replaces_active_runs);
