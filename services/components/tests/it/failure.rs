//! Failed deployments: their error, and the job that keeps running.

use axum::http::StatusCode;
use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::{BuildFailure, BuildFailureClass, BuildStatus},
    components::{
        BuildState, ComponentRunState, DeploySource, Deployment, DeploymentCreate, DeploymentFailureClass,
        DeploymentState, GitSource, StepName, StepState,
    },
    jobs::JobCreate,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    fake_services::{BuildMode, CallOutcome, FakeState, JobBehavior},
    fixture::{
        ComponentsFixture, build_git_deployment, build_image_deployment, find_step_state, start_components,
    },
};

/// Deploys a revision, then a second deployment, and calls `fail` during its build.
async fn fail_second_build(
    db: Db,
    fail: impl FnOnce(&mut FakeState),
) -> Result<(ComponentsFixture, Deployment)> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Build).await?;
    fixture.services.change_state(fail);
    let failed = fixture.wait_for_end(id).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::Failed, Some(1)), "{failed:?}");
    assert_eq!((failed.revision, find_step_state(&failed, StepName::Build)), (None, Some(StepState::Failed)));
    assert_eq!(fixture.services.lock_state().jobs.changes.len(), 1);
    fixture.wait_until_finalized(1).await?;
    Ok((fixture, failed))
}

async fn failed_build_fails_the_deployment(db: Db) -> Result<()> {
    let fails =
        |state: &mut FakeState| state.builds.end_newest(BuildStatus::BuildFailure, "npm found no script");
    let (fixture, failed) = fail_second_build(db, fails).await?;
    assert_eq!((&*failed.long_status, failed.code.as_deref()), ("npm found no script", Some("build-failed")));
    let build = fixture.services.lock_state().builds.all[0].build_id;
    assert_eq!(failed.help, Some(format!("hearth build logs {build}")));
    assert_eq!(failed.builds["web"].build_status, BuildState::Failed);
    assert_eq!(failed.runs["web"].run_status, ComponentRunState::Skipped);
    Ok(())
}

async fn error_of_a_failed_build_has_its_cause_and_next_step(db: Db) -> Result<()> {
    let fails = |state: &mut FakeState| {
        let newest = state.builds.all.first_mut().unwrap();
        newest.failure = Some(BuildFailure {
            class: BuildFailureClass::DependencyNotFound,
            line: Some("no matching distribution found for flaks".to_owned()),
            next_step: "Correct the name.".to_owned(),
        });
        state.builds.end_newest(BuildStatus::BuildFailure, "pip ended with status 1");
    };
    let (_, failed) = fail_second_build(db, fails).await?;
    let expected = "pip ended with status 1\nno matching distribution found for flaks\nCorrect the name.";
    assert_eq!(failed.long_status, expected);
    Ok(())
}

async fn cancelled_build_fails_the_deployment(db: Db) -> Result<()> {
    let cancelled = |state: &mut FakeState| state.builds.end_newest(BuildStatus::BuildCancelled, "");
    let (_, failed) = fail_second_build(db, cancelled).await?;
    assert_eq!(failed.long_status, "the build was cancelled");
    assert_eq!(failed.failure_class, Some(DeploymentFailureClass::Build));
    Ok(())
}

async fn build_over_its_time_limit_fails_the_deployment(db: Db) -> Result<()> {
    let too_long = |state: &mut FakeState| state.builds.end_newest(BuildStatus::BuildTimeout, "");
    let (_, failed) = fail_second_build(db, too_long).await?;
    assert_eq!(failed.long_status, "the build exceeded its time limit");
    Ok(())
}

async fn missing_build_fails_the_deployment(db: Db) -> Result<()> {
    let (_, failed) = fail_second_build(db, |state| state.builds.remove_newest()).await?;
    assert!(failed.long_status.starts_with("there is no build build_"), "{}", failed.long_status);
    Ok(())
}

async fn missing_repository_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let source = GitSource { url: "https://code.example/nosuch".to_owned(), reference: None };
    let create = DeploymentCreate { source: Some(DeploySource::Git(source)), ..build_git_deployment() };
    let failed = fixture.deploy_to_end(&create).await?;
    assert_eq!(failed.status, DeploymentState::Failed);
    assert_eq!(failed.long_status, "there is no public repository there");
    assert_eq!(find_step_state(&failed, StepName::Build), Some(StepState::Waiting));
    assert_eq!((failed.still_running, failed.builds["web"].build_status), (None, BuildState::Failed));
    fixture.wait_until_finalized(0).await
}

async fn image_without_the_process_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let missing = DeploymentFailureClass::StartCommandMissing;
    for (name, code, class, message) in [
        ("work-only", "no-process", missing, "the image work-only has no process web: it has work"),
        ("python3.11", "no-process", missing, "the image python3.11 has no process web: it has none"),
        ("nothing", "no-such-image", DeploymentFailureClass::Other, "there is no image nothing"),
    ] {
        let failed = fixture.deploy_to_end(&build_image_deployment(name)).await?;
        assert_eq!((&*failed.long_status, failed.code.as_deref()), (message, Some(code)));
        assert_eq!(failed.failure_class, Some(class));
        assert_eq!(find_step_state(&failed, StepName::Check), Some(StepState::Failed));
    }
    let worker = DeploymentCreate { component: Some("work".parse()?), ..build_image_deployment("work-only") };
    assert_eq!(fixture.deploy_to_end(&worker).await?.status, DeploymentState::Successful);
    fixture.wait_until_finalized(1).await
}

async fn job_of_another_type_is_not_changed(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let once = JobCreate::new("web".parse()?, "python3.11", "./once");
    fixture.services.change_state(|state| state.jobs.insert_ready(&once));
    let failed = fixture.deploy_to_end(&build_git_deployment()).await?;
    assert_eq!(failed.code.as_deref(), Some("component-kind"));
    assert!(failed.long_status.starts_with("the tool has a one-off job web;"), "{failed:?}");
    assert_eq!(fixture.find_web_job(), Some(once));
    fixture.wait_until_finalized(0).await
}

async fn paused_job_is_not_changed(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let web = JobCreate { continuous: Some(true), ..JobCreate::new("web".parse()?, "python3.11", "./web") };
    fixture.services.change_state(|state| {
        state.jobs.insert_ready(&web);
        state.jobs.all.values_mut().for_each(|job| job.paused = Some(Timestamp::UNIX_EPOCH));
    });
    let failed = fixture.deploy_to_end(&build_git_deployment()).await?;
    assert_eq!(failed.code.as_deref(), Some("job-paused"));
    assert_eq!(failed.long_status, "the job web is paused; a deployment needs it to run");
    assert_eq!(fixture.find_web_job(), Some(web));
    fixture.wait_until_finalized(0).await
}

async fn refused_start_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let quota = CallOutcome::Refuse(StatusCode::TOO_MANY_REQUESTS, "quota", "the tool may have 2 jobs");
    fixture.services.script_all_calls("PATCH jobs", quota);
    let failed = fixture.deploy_to_end(&build_git_deployment()).await?;
    assert_eq!((&*failed.long_status, failed.code.as_deref()), ("the tool may have 2 jobs", Some("quota")));
    assert_eq!(find_step_state(&failed, StepName::Start), Some(StepState::Failed));
    assert_eq!(fixture.find_web_job(), None);
    fixture.wait_until_finalized(0).await
}

/// Deploys a component that is never ready, and lets the start timeout pass.
pub async fn deploy_until_start_timeout(fixture: &ComponentsFixture) -> Result<Deployment> {
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Switch).await?;
    // It is polled again before the deadline.
    fixture.stand.advance_clock(SignedDuration::from_secs(20));
    let looks = fixture.services.count_calls("GET jobs web runs");
    fixture.wait_for_calls("GET jobs web runs", looks + 2).await?;
    assert_eq!(
        find_step_state(&fixture.show_deployment(id).await?, StepName::Switch),
        Some(StepState::Running)
    );
    fixture.stand.advance_clock(SignedDuration::from_secs(41));
    fixture.wait_for_end(id).await
}

async fn component_that_is_never_ready_is_deleted_if_it_is_new(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let failed = deploy_until_start_timeout(&fixture).await?;
    assert_eq!(failed.status, DeploymentState::TimedOut, "{failed:?}");
    assert_eq!(failed.code.as_deref(), Some("component-not-ready"));
    assert_eq!(failed.failure_class, Some(DeploymentFailureClass::Timeout));
    assert_eq!(failed.long_status, "web was not ready in time\nno such table: users");
    assert_eq!(failed.help.as_deref(), Some("listen on 0.0.0.0, port 8000 ($PORT), then deploy again"));
    assert_eq!((failed.still_running, failed.url.as_deref()), (None, None));
    assert_eq!(failed.runs["web"].run_status, ComponentRunState::Failed);
    assert_eq!(fixture.find_web_job(), None);
    assert!(fixture.list_revisions().await?.is_empty());
    fixture.wait_until_finalized(0).await
}

async fn component_bound_to_the_loopback_interface_fails_before_its_start_timeout(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::BoundToLoopback);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Switch).await?;
    let looks = fixture.services.count_calls("GET jobs web runs");
    fixture.wait_for_calls("GET jobs web runs", looks + 2).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(11));
    let failed = fixture.wait_for_end(id).await?;
    assert_eq!(failed.status, DeploymentState::Failed, "{failed:?}");
    assert_eq!(failed.code.as_deref(), Some("component-unreachable"));
    // The code decides, whatever the sentence says.
    let what = "web cannot be reached: only its own container reaches port 8000";
    assert_eq!(failed.long_status.lines().next(), Some(what));
    assert_eq!(failed.help.as_deref(), Some("listen on 0.0.0.0, port 8000 ($PORT), then deploy again"));
    fixture.wait_until_finalized(0).await
}

async fn component_at_another_port_fails_before_its_start_timeout(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::BoundToOtherPort);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_step(id, StepName::Switch).await?;
    let looks = fixture.services.count_calls("GET jobs web runs");
    fixture.wait_for_calls("GET jobs web runs", looks + 2).await?;
    // The port of a helper may be open before the program's own.
    fixture.stand.advance_clock(SignedDuration::from_secs(11));
    fixture.wait_for_calls("GET jobs web runs", looks + 4).await?;
    assert!(!fixture.show_deployment(id).await?.status.has_ended());
    fixture.stand.advance_clock(SignedDuration::from_secs(10));
    let failed = fixture.wait_for_end(id).await?;
    assert_eq!(failed.code.as_deref(), Some("component-unreachable"));
    assert_eq!(failed.failure_class, Some(DeploymentFailureClass::Port));
    assert_eq!(failed.long_status, "web cannot be reached: it serves at port 5000\nno such table: users");
    let help = failed.help.unwrap_or_default();
    assert!(
        help.starts_with("listen on 0.0.0.0, port 8000 ($PORT)") && help.ends_with("--port PORT"),
        "{help}"
    );
    fixture.wait_until_finalized(0).await
}

async fn component_that_is_never_ready_is_restored_to_its_revision(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    let before = fixture.find_web_job();
    let failed = deploy_until_start_timeout(&fixture).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::TimedOut, Some(1)));
    let changes = fixture.services.lock_state().jobs.changes.len();
    assert_eq!((changes, fixture.find_web_job()), (3, before));
    fixture.wait_until_finalized(1).await
}

async fn job_made_by_hand_is_restored_after_a_failure(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let mut by_hand = JobCreate::new("web".parse()?, "python3.11", "./by-hand");
    (by_hand.continuous, by_hand.replicas) = (Some(true), Some(2));
    fixture.services.change_state(|state| state.jobs.insert_ready(&by_hand));
    let failed = deploy_until_start_timeout(&fixture).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::TimedOut, None));
    let job = fixture.find_web_job().unwrap();
    assert_eq!((job.effective_type(), job.publish, job.port), (by_hand.effective_type(), None, None));
    assert_eq!((job.imagename, job.cmd, job.replicas), (by_hand.imagename, by_hand.cmd, by_hand.replicas));
    Ok(())
}

async fn component_that_crashes_three_times_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Crashing);
    let failed = fixture.deploy_to_end(&build_git_deployment()).await?;
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("component-crashed")));
    assert_eq!(failed.failure_class, Some(DeploymentFailureClass::Crash));
    let message = "web ended 3 times right after its start: it ended with status 7: no such table";
    assert_eq!(failed.long_status, format!("{message}\nno such table: users"));
    assert_eq!(failed.help.as_deref(), Some("hearth jobs logs web"));
    assert_eq!(fixture.find_web_job(), None);
    fixture.wait_until_finalized(0).await
}

on_every_store!(
    failed_build_fails_the_deployment,
    error_of_a_failed_build_has_its_cause_and_next_step,
    cancelled_build_fails_the_deployment,
    build_over_its_time_limit_fails_the_deployment,
    missing_build_fails_the_deployment,
    missing_repository_fails_the_deployment,
    image_without_the_process_fails_the_deployment,
    job_of_another_type_is_not_changed,
    paused_job_is_not_changed,
    refused_start_fails_the_deployment,
    component_that_is_never_ready_is_deleted_if_it_is_new,
    component_bound_to_the_loopback_interface_fails_before_its_start_timeout,
    component_at_another_port_fails_before_its_start_timeout,
    component_that_is_never_ready_is_restored_to_its_revision,
    job_made_by_hand_is_restored_after_a_failure,
    component_that_crashes_three_times_fails_the_deployment,
);
