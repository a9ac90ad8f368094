//! The service is killed at every call to another service.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{DeploymentState, StepName},
};
use jiff::SignedDuration;

use crate::{
    fake_services::{BuildMode, CallOutcome, JobBehavior},
    fixture::{build_git_deployment, start_components},
};

/// Deploys repeatedly and kills the service one call later each time, until a deployment ends before the
/// kill.
async fn kill_at_each_call(db: Db, then: CallOutcome) -> Result<()> {
    let mut fixture = start_components(db).await?;
    for calls in 0.. {
        let number = calls + 1;
        fixture.services.end_caller_after(calls, then);
        let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
        let through = tokio::select! {
            () = fixture.services.caller_gone.notified() => false,
            done = fixture.wait_until_finalized(number.min(2)) => done.is_ok(),
        };
        fixture.kill_service().await;
        fixture.services.clear_script();
        fixture.restart_service().await?;
        let done = fixture.wait_for_end(id).await?;
        fixture.wait_until_finalized(number.min(2)).await?;
        let events = fixture.list_events().await?;
        assert_eq!(events.len(), number, "killed after {calls} calls, each deployment has one event");
        assert_eq!(done.status, DeploymentState::Successful, "killed after {calls} calls: {done:?}");
        assert_eq!(done.revision, u32::try_from(number).ok(), "killed after {calls} calls");
        let state = fixture.services.lock_state();
        assert_eq!(state.builds.all.len(), number, "killed after {calls} calls, one more build is made");
        assert_eq!(state.jobs.changes.len(), number, "killed after {calls} calls, the job is changed once");
        if through {
            assert!(calls > 12, "a deployment makes more than {calls} calls");
            return Ok(());
        }
    }
    Ok(())
}

async fn deployment_continues_after_a_kill_before_any_call(db: Db) -> Result<()> {
    kill_at_each_call(db, CallOutcome::CallerGoneBeforeCall).await
}

async fn deployment_continues_without_duplicates_after_a_kill_after_any_call(db: Db) -> Result<()> {
    kill_at_each_call(db, CallOutcome::CallerGoneAfterCall).await
}

/// Cancels deployments repeatedly and kills the service one call later each time.
async fn cancellation_continues_after_a_kill_at_any_call(db: Db) -> Result<()> {
    let mut fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let mut ended = 0;
    for (calls, then) in (0..10).flat_map(|calls| {
        [(calls, CallOutcome::CallerGoneBeforeCall), (calls, CallOutcome::CallerGoneAfterCall)]
    }) {
        let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
        fixture.wait_for_step(id, StepName::Switch).await?;
        fixture.maintainer.components().cancel(&fixture.tool, id).await?;
        fixture.services.end_caller_after(calls, then);
        tokio::select! {
            () = fixture.services.caller_gone.notified() => {}
            settled = fixture.wait_until_finalized(0) => settled?,
        };
        fixture.kill_service().await;
        fixture.services.clear_script();
        fixture.restart_service().await?;
        let over = fixture.wait_for_end(id).await?;
        assert_eq!(over.status, DeploymentState::Cancelled, "killed after {calls} calls: {over:?}");
        fixture.wait_until_finalized(0).await?;
        assert_eq!(fixture.find_web_job(), None, "killed after {calls} calls");
        ended += 1;
        assert_eq!(fixture.list_events().await?.len(), ended, "killed after {calls} calls");
    }
    Ok(())
}

async fn deployment_cancelled_while_the_service_is_down_is_rolled_back_after_its_restart(
    db: Db,
) -> Result<()> {
    let mut fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Switch).await?;
    fixture.kill_service().await;
    let cancelled = fixture.maintainer.components().cancel(&fixture.tool, id).await?;
    assert_eq!(cancelled.status, DeploymentState::Cancelling);
    fixture.restart_service().await?;
    assert_eq!(fixture.wait_for_end(id).await?.status, DeploymentState::Cancelled);
    fixture.wait_until_finalized(0).await
}

async fn deployment_continues_after_a_graceful_stop(db: Db) -> Result<()> {
    let mut fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_calls("GET builds * logs", 1).await?;
    assert!(fixture.stand.stop_workers().await, "the workers stop");
    fixture.services.change_state(|state| state.builds.end_newest(BuildStatus::BuildSuccess, "made"));
    fixture.restart_service().await?;
    assert_eq!(fixture.wait_for_end(id).await?.revision, Some(1));
    assert_eq!(fixture.services.lock_state().builds.all.len(), 1);
    Ok(())
}

async fn deployment_of_a_stuck_worker_is_taken_over_after_its_lease_expires(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for call in ["POST builds", "PUT images pins *", "PATCH jobs"] {
        fixture.services.script_next_calls(1, call, CallOutcome::CallerGoneAfterCall);
        let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
        fixture.services.caller_gone.notified().await;
        fixture.stand.advance_clock(SignedDuration::from_secs(31));
        fixture.deploy_other_tool().await?;
        assert_eq!(fixture.wait_for_end(id).await?.status, DeploymentState::Successful, "stuck with {call}");
    }
    assert_eq!(fixture.list_revisions().await?.len(), 3);
    let state = fixture.services.lock_state();
    // The other tool's job is changed once, too.
    assert_eq!((state.builds.all.len(), state.jobs.changes.len()), (3, 4));
    Ok(())
}

on_every_store!(
    deployment_continues_after_a_kill_before_any_call,
    deployment_continues_without_duplicates_after_a_kill_after_any_call,
    cancellation_continues_after_a_kill_at_any_call,
    deployment_cancelled_while_the_service_is_down_is_rolled_back_after_its_restart,
    deployment_continues_after_a_graceful_stop,
    deployment_of_a_stuck_worker_is_taken_over_after_its_lease_expires,
);
