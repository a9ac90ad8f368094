//! Transient errors are retried, and fail the deployment after the last attempt.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until, wait_until_within};
use hearth_wire::{
    builds::BuildStatus,
    components::{Deployment, DeploymentId, DeploymentState, StepName, StepState},
};
use jiff::SignedDuration;

use crate::{
    fake_services::{BuildMode, CallOutcome, JobBehavior, RESTORE_WEB_CALL, UNAVAILABLE_CALL},
    fixture::{ComponentsFixture, build_git_deployment, find_step_state, start_components},
};

/// One step of the clock: shorter than a lease.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(10);

/// A step of a sixth of the lease duration: a running attempt keeps its lease also on a slow machine.
const CLOCK_STEP_SLOW: SignedDuration = SignedDuration::from_secs(5);

/// Waits for the end of a deployment after all of its retries, while another tool's deployments wake the
/// workers.
async fn wait_until_retries_are_exhausted(
    fixture: &ComponentsFixture,
    id: DeploymentId,
) -> Result<Deployment> {
    wait_until_within(Duration::from_secs(90), "it is over", async || {
        fixture.stand.advance_clock(CLOCK_STEP_SLOW);
        fixture.deploy_other_tool().await?;
        Ok(Some(fixture.show_deployment(id).await?).filter(|found| found.status.has_ended()))
    })
    .await
}

async fn unavailable_service_is_called_ten_times_with_growing_pauses(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_all_calls("POST builds", UNAVAILABLE_CALL);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    for tries in 1..10 {
        fixture.wait_for_calls("POST builds", tries).await?;
        wait_until("the call is repeated", async || {
            // Another tool's deployments continue, and wake the workers.
            assert_eq!(fixture.deploy_other_tool().await?, DeploymentState::Successful);
            fixture.stand.advance_clock(CLOCK_STEP.min(SignedDuration::from_millis(250 << (tries - 1))));
            Ok((fixture.services.count_calls("POST builds") > tries).then_some(()))
        })
        .await?;
    }
    let failed = fixture.wait_for_end(id).await?;
    let call_times = fixture.services.list_call_times("POST builds");
    assert_eq!(call_times.len(), 10);
    for (tries, pair) in (0..).zip(call_times.windows(2)) {
        let (pause, min_pause) = (pair[1].duration_since(pair[0]), SignedDuration::from_secs(1 << tries));
        assert!(pause >= min_pause && pause < min_pause * 2, "{pause} after {} tries", tries + 1);
    }
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("away")));
    assert_eq!((&*failed.long_status, failed.help.as_deref()), ("it does not answer", None));
    assert_eq!(find_step_state(&failed, StepName::Source), Some(StepState::Failed));
    fixture.wait_until_finalized(2).await
}

async fn deployment_continues_after_any_call_failed_once(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for call in [
        "POST accounts mandates * use",
        "POST builds",
        "GET builds *",
        "GET images resolve",
        "PUT images pins *",
        "GET jobs web",
        "PATCH jobs",
        "GET jobs web runs",
        "DELETE accounts mandates *",
    ] {
        fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
        fixture.services.script_next_calls(1, call, UNAVAILABLE_CALL);
        let (times, id) =
            (fixture.services.count_calls(call), fixture.deploy(&build_git_deployment()).await?.deploy_id);
        if !call.starts_with("DELETE") {
            fixture.wait_for_calls(call, times + 1).await?;
        }
        fixture.services.change_state(|state| state.jobs.make_all_ready());
        let done = fixture.wait_for_end_advancing_time(id).await?;
        assert_eq!(done.status, DeploymentState::Successful, "{call} {done:?}");
    }
    let state = fixture.services.lock_state();
    assert_eq!((state.builds.all.len(), state.jobs.changes.len()), (9, 9));
    Ok(())
}

async fn lost_answer_causes_no_duplicate(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for call in ["POST builds", "PUT images pins *", "PATCH jobs"] {
        fixture.services.script_next_calls(1, call, CallOutcome::LoseAnswer);
        let (times, id) =
            (fixture.services.count_calls(call), fixture.deploy(&build_git_deployment()).await?.deploy_id);
        fixture.wait_for_calls(call, times + 1).await?;
        let done = fixture.wait_for_end_advancing_time(id).await?;
        assert_eq!(done.status, DeploymentState::Successful, "{call} {done:?}");
    }
    let state = fixture.services.lock_state();
    assert_eq!((state.builds.all.len(), state.jobs.changes.len()), (3, 3));
    Ok(())
}

async fn unavailable_logs_do_not_stop_a_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_all_calls("GET builds * logs", UNAVAILABLE_CALL);
    fixture.services.script_all_calls("GET jobs web logs", UNAVAILABLE_CALL);
    fixture.services.script_all_calls("GET jobs events routes", UNAVAILABLE_CALL);
    fixture.services.change_state(|state| {
        (state.builds.mode, state.jobs.behavior) = (BuildMode::Manual, JobBehavior::Crashing)
    });
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_calls("GET builds * logs", 1).await?;
    fixture.services.change_state(|state| state.builds.end_newest(BuildStatus::BuildSuccess, "made"));
    let failed = fixture.wait_for_end(id).await?;
    assert_eq!(failed.code.as_deref(), Some("component-crashed"), "{failed:?}");
    assert_eq!(failed.long_status.lines().count(), 1);
    Ok(())
}

async fn rollback_has_its_own_attempts(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_next_calls(1, "PATCH jobs", CallOutcome::LoseAnswer);
    fixture.services.script_next_calls(9, "PATCH jobs", UNAVAILABLE_CALL);
    fixture.services.script_next_calls(3, RESTORE_WEB_CALL, UNAVAILABLE_CALL);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    let failed = wait_until_retries_are_exhausted(&fixture, id).await?;
    assert_eq!(
        (fixture.services.count_calls("PATCH jobs"), fixture.services.count_calls(RESTORE_WEB_CALL)),
        (10, 4)
    );
    assert_eq!((failed.status, &*failed.long_status), (DeploymentState::Failed, "it does not answer"));
    assert_eq!(fixture.find_web_job(), None);
    Ok(())
}

async fn failed_rollback_is_reported(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Crashing);
    fixture.services.script_all_calls(RESTORE_WEB_CALL, UNAVAILABLE_CALL);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    let over = wait_until_retries_are_exhausted(&fixture, id).await?;
    assert_eq!(fixture.services.count_calls(RESTORE_WEB_CALL), 10);
    assert_eq!(over.status, DeploymentState::Failed);
    let last = "The rollback failed: it does not answer";
    assert_eq!(over.long_status.lines().last(), Some(last));
    Ok(())
}

async fn mandates_end_after_a_long_outage(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_all_calls("DELETE accounts mandates *", UNAVAILABLE_CALL);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_end(id).await?;
    for _ in 0..60 {
        fixture.stand.advance_clock(CLOCK_STEP);
        fixture.deploy_other_tool().await?;
    }
    fixture.services.clear_script();
    // Ten minutes of the clock pass until the next series of attempts, one step for each deployment.
    wait_until_within(Duration::from_secs(90), "all mandates have ended", async || {
        fixture.stand.advance_clock(CLOCK_STEP);
        fixture.deploy_other_tool().await?;
        // Except for the mandate of the deployment that has just ended.
        Ok((fixture.services.lock_state().accounts.count_open_mandates() <= 1).then_some(()))
    })
    .await
}

on_every_store!(
    unavailable_service_is_called_ten_times_with_growing_pauses,
    deployment_continues_after_any_call_failed_once,
    lost_answer_causes_no_duplicate,
    unavailable_logs_do_not_stop_a_deployment,
    rollback_has_its_own_attempts,
    failed_rollback_is_reported,
    mandates_end_after_a_long_outage,
);
