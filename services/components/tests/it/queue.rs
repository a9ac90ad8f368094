//! A tool has one active deployment; others are refused or queued.

use std::collections::BTreeSet;

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{DeploymentCreateQuery, DeploymentId, DeploymentState, StepName},
};
use jiff::SignedDuration;

use crate::{
    fake_services::{BuildMode, JobBehavior},
    fixture::{ComponentsFixture, build_git_deployment, build_image_deployment, start_components},
};

const QUEUED_MESSAGE: &str = "it waits for the tool's active deployment";

/// Starts a deployment whose build stays open.
async fn deploy_with_open_build(fixture: &ComponentsFixture) -> Result<DeploymentId> {
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Build).await?;
    Ok(id)
}

fn finish_build(fixture: &ComponentsFixture) {
    fixture.services.change_state(|state| state.builds.end_newest(BuildStatus::BuildSuccess, "made"));
}

async fn second_deployment_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let first = deploy_with_open_build(&fixture).await?;
    let refused = fixture.deploy(&build_image_deployment("web-only")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "deployment-active"));
    assert!(refused.help_text().is_some_and(|help| help.contains("hearth deploy --queue")), "{refused:?}");
    // Another tool can deploy, and the mandate of the refused deployment has ended.
    assert_eq!(fixture.deploy_other_tool().await?, DeploymentState::Successful);
    finish_build(&fixture);
    assert_eq!(fixture.wait_for_end(first).await?.status, DeploymentState::Successful);
    fixture.wait_until_finalized(2).await
}

async fn queued_deployment_starts_after_the_active_one(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let first = deploy_with_open_build(&fixture).await?;
    let waiting = fixture.deploy_queued(&build_image_deployment("web-only")).await?;
    assert_eq!((waiting.status, &*waiting.long_status), (DeploymentState::Pending, QUEUED_MESSAGE));
    finish_build(&fixture);
    assert_eq!(fixture.wait_for_end(first).await?.revision, Some(1));
    assert_eq!(fixture.wait_for_end(waiting.deploy_id).await?.revision, Some(2));
    Ok(())
}

async fn queued_deployments_run_in_order_after_failures_and_cancellations(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let first = deploy_with_open_build(&fixture).await?;
    let fails = fixture.deploy_queued(&build_image_deployment("work-only")).await?.deploy_id;
    let given_up = fixture.deploy_queued(&build_image_deployment("web-only")).await?.deploy_id;
    let runs = fixture.deploy_queued(&build_image_deployment("web-only")).await?.deploy_id;
    let runs_too = fixture.deploy_queued(&build_image_deployment("web-only")).await?.deploy_id;
    let calls = fixture.maintainer.components();
    calls.cancel(&fixture.tool, given_up).await?;
    assert_eq!(fixture.wait_for_end(given_up).await?.status, DeploymentState::Cancelled);
    calls.cancel(&fixture.tool, first).await?;
    assert_eq!(fixture.wait_for_end(runs_too).await?.revision, Some(2));
    assert_eq!(fixture.show_deployment(runs).await?.revision, Some(1));
    assert_eq!(fixture.show_deployment(fails).await?.status, DeploymentState::Failed);
    fixture.wait_until_finalized(2).await
}

async fn queued_deployment_can_be_deleted(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let first = deploy_with_open_build(&fixture).await?;
    let waiting = fixture.deploy_queued(&build_git_deployment()).await?.deploy_id;
    fixture.maintainer.components().delete(&fixture.tool, waiting).await?;
    assert_eq!(fixture.show_deployment(waiting).await.unwrap_err().kind(), ErrorKind::NotFound);
    finish_build(&fixture);
    fixture.wait_for_end(first).await?;
    fixture.wait_until_finalized(1).await?;
    assert_eq!(fixture.services.lock_state().builds.all.len(), 1);
    Ok(())
}

async fn queue_of_a_tool_has_ten_places(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    deploy_with_open_build(&fixture).await?;
    for _ in 0..10 {
        fixture.deploy_queued(&build_git_deployment()).await?;
    }
    let refused = fixture.deploy_queued(&build_git_deployment()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "deployment-queue"));
    Ok(())
}

/// Sends several requests at once and counts the accepted ones. No component is ready before all are answered, so that no
/// deployment ends before another request. Each accepted one runs once.
async fn count_accepted_of_concurrent_requests(fixture: &ComponentsFixture, queue: bool) -> Result<usize> {
    let query = DeploymentCreateQuery { queue, ..DeploymentCreateQuery::default() };
    let (create, many) = (build_image_deployment("web-only"), 0..6);
    let made = futures::future::join_all(many.map(|_| fixture.deploy_as(&create, &query))).await;
    fixture.services.change_state(|state| state.jobs.make_all_ready());
    let ids: Vec<_> = made.into_iter().filter_map(|made| made.ok().map(|made| made.deploy_id)).collect();
    let mut revisions = BTreeSet::new();
    for id in &ids {
        revisions.extend(fixture.wait_for_end(*id).await?.revision);
    }
    assert_eq!(revisions.len(), ids.len());
    Ok(ids.len())
}

async fn one_of_several_concurrent_deployments_is_accepted(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    assert_eq!(count_accepted_of_concurrent_requests(&fixture, false).await?, 1);
    Ok(())
}

async fn all_concurrent_deployments_that_may_queue_are_accepted(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    assert_eq!(count_accepted_of_concurrent_requests(&fixture, true).await?, 6);
    Ok(())
}

async fn queued_deployment_runs_although_the_clock_was_set_back(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let first = deploy_with_open_build(&fixture).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(-20));
    let waiting = fixture.deploy_queued(&build_image_deployment("web-only")).await?.deploy_id;
    finish_build(&fixture);
    assert_eq!(fixture.wait_for_end(first).await?.revision, Some(1));
    assert_eq!(fixture.wait_for_end(waiting).await?.revision, Some(2));
    Ok(())
}

on_every_store!(
    second_deployment_is_refused,
    queued_deployment_starts_after_the_active_one,
    queued_deployments_run_in_order_after_failures_and_cancellations,
    queued_deployment_can_be_deleted,
    queue_of_a_tool_has_ten_places,
    one_of_several_concurrent_deployments_is_accepted,
    all_concurrent_deployments_that_may_queue_are_accepted,
    queued_deployment_runs_although_the_clock_was_set_back,
);
