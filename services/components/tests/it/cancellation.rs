//! Cancellation and deletion of deployments.

use axum::http::Method;
use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{BuildState, ComponentRunState, DeploymentState, StepName},
};

use crate::{
    fake_services::{BuildMode, CallOutcome, JobBehavior, RESTORE_WEB_CALL, UNAVAILABLE_CALL},
    fixture::{ComponentsFixture, build_git_deployment, build_image_deployment, start_components},
};

/// Starts a deployment that stays at a step.
async fn deploy_and_halt_at(
    fixture: &ComponentsFixture,
    name: StepName,
) -> Result<hearth_wire::components::DeploymentId> {
    match name {
        StepName::Source => fixture.services.script_all_calls("POST builds", UNAVAILABLE_CALL),
        StepName::Build => fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual),
        StepName::Check => fixture.services.script_all_calls("GET images resolve", UNAVAILABLE_CALL),
        StepName::Start => fixture.services.script_all_calls("PATCH jobs", UNAVAILABLE_CALL),
        StepName::Switch => {
            fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady)
        }
    }
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, name).await?;
    let call = match name {
        StepName::Source => "POST builds",
        StepName::Build => "GET builds * logs",
        StepName::Check => "GET images resolve",
        StepName::Start => "PATCH jobs",
        StepName::Switch => "GET jobs web runs",
    };
    fixture.wait_for_calls(call, 1).await?;
    fixture.services.clear_script();
    Ok(id)
}

async fn cancel_at_step(db: Db, name: StepName) -> Result<()> {
    let fixture = start_components(db).await?;
    let id = deploy_and_halt_at(&fixture, name).await?;
    let cancelled = fixture.maintainer.components().cancel(&fixture.tool, id).await?;
    assert_eq!(cancelled.status, DeploymentState::Cancelling);
    let over = fixture.wait_for_end(id).await?;
    assert_eq!((over.status, &*over.long_status), (DeploymentState::Cancelled, "it was cancelled"));
    assert_eq!((over.code.as_deref(), over.revision), (Some("deployment-cancelled"), None));
    assert_eq!(over.runs["web"].run_status, ComponentRunState::Skipped);
    assert_eq!(fixture.find_web_job(), None);
    fixture.wait_until_finalized(0).await?;
    let state = fixture.services.lock_state();
    let open = state.builds.all.iter().filter(|build| build.status == BuildStatus::BuildPending);
    assert_eq!(open.count(), 0);
    Ok(())
}

async fn deployment_is_cancelled_at_its_source_step(db: Db) -> Result<()> {
    cancel_at_step(db, StepName::Source).await
}

async fn deployment_is_cancelled_at_its_build_step(db: Db) -> Result<()> {
    cancel_at_step(db, StepName::Build).await
}

async fn deployment_is_cancelled_at_its_check_step(db: Db) -> Result<()> {
    cancel_at_step(db, StepName::Check).await
}

async fn deployment_is_cancelled_at_its_start_step(db: Db) -> Result<()> {
    cancel_at_step(db, StepName::Start).await
}

async fn deployment_is_cancelled_at_its_switch_step(db: Db) -> Result<()> {
    cancel_at_step(db, StepName::Switch).await
}

async fn image_is_unpinned_although_the_answer_to_its_pin_was_lost(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_next_calls(1, "PUT images pins *", CallOutcome::LoseAnswer);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_fake_state("the image is pinned", |state| state.images.pins.len() == 1).await?;
    fixture.maintainer.components().cancel(&fixture.tool, id).await?;
    assert_eq!(fixture.wait_for_end(id).await?.status, DeploymentState::Cancelled);
    fixture.wait_until_finalized(0).await
}

async fn second_cancellation_changes_nothing(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let id = deploy_and_halt_at(&fixture, StepName::Build).await?;
    fixture.services.script_all_calls("PUT builds * cancel", UNAVAILABLE_CALL);
    let calls = fixture.maintainer.components();
    for _ in 0..2 {
        assert_eq!(calls.cancel(&fixture.tool, id).await?.status, DeploymentState::Cancelling);
    }
    let (status, _) =
        ComponentsFixture::send(&fixture.maintainer, Method::PUT, "hello/deployment/latest/cancel", None)
            .await;
    assert_eq!(status, 200);
    fixture.services.clear_script();
    let over = fixture.wait_for_end_advancing_time(id).await?;
    assert_eq!(over.builds["web"].build_status, BuildState::Cancelled);
    let refused = calls.cancel(&fixture.tool, id).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "deployment-ended"));
    Ok(())
}

async fn next_deployment_changes_the_job_after_the_rollback_of_the_cancelled_one(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    let first = fixture.find_web_job();
    let id = deploy_and_halt_at(&fixture, StepName::Switch).await?;
    fixture.services.script_all_calls(RESTORE_WEB_CALL, UNAVAILABLE_CALL);
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Ready);
    fixture.maintainer.components().cancel(&fixture.tool, id).await?;
    // The next deployment becomes active at once.
    let next = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    let waits = "it waits for the rollback of an earlier deployment";
    fixture.wait_for_deployment(next, "it waits", |found| found.long_status == waits).await?;
    fixture.services.clear_script();
    assert_eq!(fixture.wait_for_end_advancing_time(id).await?.still_running, Some(1));
    assert_eq!(fixture.wait_for_end(next).await?.revision, Some(2));
    let state = fixture.services.lock_state();
    assert_eq!(state.jobs.changes.len(), 4);
    assert_eq!(first.map(|job| job.imagename), Some(state.jobs.changes[2].imagename.clone()));
    Ok(())
}

async fn deletion_of_an_ended_deployment_keeps_its_revision(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let id = fixture.deploy_to_end(&build_git_deployment()).await?.deploy_id;
    fixture.wait_until_finalized(1).await?;
    fixture.maintainer.components().delete(&fixture.tool, id).await?;
    assert_eq!(fixture.show_deployment(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        fixture.maintainer.components().delete(&fixture.tool, id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(fixture.list_revisions().await?[0].kept && fixture.find_web_job().is_some());
    assert_eq!(fixture.deploy_to_end(&build_git_deployment()).await?.revision, Some(2));
    fixture.wait_until_finalized(2).await
}

async fn deletion_of_a_running_deployment_rolls_it_back_first(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let id = deploy_and_halt_at(&fixture, StepName::Switch).await?;
    let deleted = fixture.maintainer.components().delete(&fixture.tool, id).await?;
    assert_eq!(deleted.status, DeploymentState::Cancelling);
    for refused in [
        fixture.show_deployment(id).await.err(),
        fixture.viewer.components().show_latest(&fixture.tool).await.err(),
        fixture.maintainer.components().cancel(&fixture.tool, id).await.err(),
    ] {
        assert_eq!(refused.map(|refused| refused.kind()), Some(ErrorKind::NotFound));
    }
    fixture.wait_until_finalized(0).await?;
    assert_eq!(fixture.find_web_job(), None);
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Ready);
    assert_eq!(
        fixture.deploy_to_end(&build_image_deployment("web-only")).await?.status,
        DeploymentState::Successful
    );
    Ok(())
}

async fn deployment_deleted_before_it_is_finalized_is_finalized(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_all_calls("DELETE images pins *", UNAVAILABLE_CALL);
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Crashing);
    let id = fixture.deploy_to_end(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_calls("DELETE images pins *", 1).await?;
    fixture.maintainer.components().delete(&fixture.tool, id).await?;
    assert_eq!(fixture.show_deployment(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    fixture.services.clear_script();
    fixture.wait_until_finalized(0).await
}

on_every_store!(
    deployment_is_cancelled_at_its_source_step,
    deployment_is_cancelled_at_its_build_step,
    deployment_is_cancelled_at_its_check_step,
    deployment_is_cancelled_at_its_start_step,
    deployment_is_cancelled_at_its_switch_step,
    image_is_unpinned_although_the_answer_to_its_pin_was_lost,
    second_cancellation_changes_nothing,
    next_deployment_changes_the_job_after_the_rollback_of_the_cancelled_one,
    deletion_of_an_ended_deployment_keeps_its_revision,
    deletion_of_a_running_deployment_rolls_it_back_first,
    deployment_deleted_before_it_is_finalized_is_finalized,
);
