//! Descriptions of a container's end: its reason, its replacement, the definition that it belongs to.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::Termination;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{JobCreate, RunEnd, StatusShort};

use crate::harness::{JobsHarness, build_continuous_job, build_one_off_job};

/// The output of Node.js about a missing module, shortened.
const NODE_CRASH: [&str; 8] = [
    "node:internal/modules/cjs/loader:1143",
    "  throw err;",
    "Error: Cannot find module './config.json'",
    "Require stack:",
    "- /app/server.js",
    "    at Module._load (node:internal/modules/cjs/loader:981:27)",
    "}",
    "Node.js v18.20.4",
];

async fn reason_of_a_crash_quotes_the_line_that_names_the_error(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    for line in NODE_CRASH {
        harness.runtime.fake.write_line(instance, line)?;
    }
    harness.runtime.fake.end_instance(instance, Termination::Exited { code: 1 })?;
    let error = "Error: Cannot find module './config.json'";
    let reason = format!("it ended with status 1: {error}");
    harness.wait_for_job("a", |job| job.status.messages.first() == Some(&reason)).await?;
    let [run] = &harness.list_runs("a").await?[..] else { panic!("one run") };
    assert_eq!(run.error_line.as_deref(), Some(error));
    assert_eq!(run.last_lines, [error, "}", "Node.js v18.20.4"]);
    Ok(())
}

async fn successful_run_has_no_error_line(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("a")).await?;
    let instance = harness.wait_for_one_running(None).await?;
    harness.runtime.fake.write_line(instance, "ValueError: handled")?;
    harness.runtime.fake.end_instance(instance, Termination::Exited { code: 0 })?;
    harness.wait_for_status("a", StatusShort::Succeeded).await?;
    harness.wait_until_idle().await?;
    assert_eq!(harness.list_runs("a").await?[0].error_line, None);
    Ok(())
}

async fn container_that_a_restart_replaces_is_replaced_and_one_of_a_pause_is_stopped(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("a")).await?;
    let first = harness.wait_for_one_running(None).await?;
    harness.maintainer.jobs().restart(&harness.tool, &"a".parse()?).await?;
    let second = harness.wait_for_one_running(Some(first)).await?;
    let find_end = async |id: String| {
        let runs = harness.list_runs("a").await?;
        Ok(runs.into_iter().find(|run| run.id == id && run.ended.is_some()))
    };
    let replaced = wait_until("the first has ended", async || find_end(first.to_string()).await).await?;
    assert_eq!((replaced.end, replaced.replaced), (Some(RunEnd::Stopped), true), "{replaced:?}");
    harness.maintainer.jobs().pause(&harness.tool, &"a".parse()?).await?;
    let paused = wait_until("the second has ended", async || find_end(second.to_string()).await).await?;
    assert_eq!((paused.end, paused.replaced), (Some(RunEnd::Stopped), false), "{paused:?}");
    Ok(())
}

async fn status_says_nothing_about_an_earlier_definition(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("a")).await?;
    harness.wait_for_one_running(None).await?;
    // The status shows the end until the next container runs, after a pause that grows with each end.
    wait_until("the status names the error", async || {
        for instance in harness.list_running().await {
            harness.runtime.fake.write_line(instance, "KeyError: 'TOKEN'")?;
            harness.runtime.fake.end_instance(instance, Termination::Exited { code: 1 })?;
        }
        Ok(harness.show_job("a").await?.status_long.contains("KeyError").then_some(()))
    })
    .await?;
    let corrected = JobCreate { cmd: "./corrected".to_owned(), ..build_continuous_job("a") };
    harness.maintainer.jobs().update(&harness.tool, &corrected).await?;
    let shown = harness.show_job("a").await?;
    assert!(!shown.status_long.contains("KeyError"), "{shown:?}");
    Ok(())
}

on_every_store!(
    reason_of_a_crash_quotes_the_line_that_names_the_error,
    successful_run_has_no_error_line,
    container_that_a_restart_replaces_is_replaced_and_one_of_a_pause_is_stopped,
    status_says_nothing_about_an_earlier_definition,
);
