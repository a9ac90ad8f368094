//! The user who requested a deployment needs the right at each of its steps.

use hearth_base::{Access, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{builds::BuildStatus, components::DeploymentState};

use crate::{
    fake_services::{BuildMode, JobBehavior},
    fixture::{build_git_deployment, build_image_deployment, start_components},
};

const LOST_RIGHT_MESSAGE: &str = "somebody may not work on hello any more";

async fn mandate_has_only_the_scopes_that_the_steps_need(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let services = |of: &[Role]| {
        let state = fixture.services.lock_state();
        let (_, mandate) = state.accounts.mandates.iter().find(|(_, mandate)| !mandate.ended).unwrap();
        let all = [Role::Accounts, Role::Builds, Role::Envvars, Role::Images, Role::Jobs, Role::Logs];
        let granted: Vec<_> = all
            .into_iter()
            .filter_map(|role| Some((role, mandate.scopes.access_to_service(role)?)))
            .collect();
        assert_eq!(granted, of.iter().map(|role| (*role, Access::Write)).collect::<Vec<_>>());
    };
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let id = fixture.deploy(&build_image_deployment("web-only")).await?.deploy_id;
    services(&[Role::Jobs]);
    fixture.maintainer.components().cancel(&fixture.tool, id).await?;
    fixture.wait_until_finalized(0).await?;
    fixture.deploy(&build_git_deployment()).await?;
    services(&[Role::Builds, Role::Jobs]);
    Ok(())
}

async fn right_lost_during_the_build_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_calls("GET builds * logs", 1).await?;
    fixture.services.change_state(|state| {
        state.accounts.right_lost = true;
        state.builds.end_newest(BuildStatus::BuildSuccess, "made");
    });
    let failed = fixture.wait_for_end(id).await?;
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("mandate-lost")));
    assert!(failed.long_status.starts_with(LOST_RIGHT_MESSAGE), "{}", failed.long_status);
    assert_eq!((failed.still_running, fixture.services.lock_state().jobs.changes.len()), (Some(1), 1));
    fixture.wait_until_finalized(1).await
}

async fn right_lost_before_the_start_leaves_the_job_unchanged(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.script_all_calls("GET images resolve", crate::fake_services::UNAVAILABLE_CALL);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_calls("GET images resolve", 1).await?;
    fixture.services.change_state(|state| state.accounts.right_lost = true);
    fixture.services.clear_script();
    let failed = fixture.wait_for_end_advancing_time(id).await?;
    assert_eq!((failed.status, &*failed.long_status), (DeploymentState::Failed, LOST_RIGHT_MESSAGE));
    assert_eq!(fixture.find_web_job(), None);
    fixture.wait_until_finalized(0).await
}

async fn right_lost_after_the_start_restores_the_job(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_image_deployment("web-only")).await?;
    let former = fixture.find_web_job();
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let looks = fixture.services.count_calls("GET jobs web runs");
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.wait_for_calls("GET jobs web runs", looks + 1).await?;
    assert_ne!(fixture.find_web_job(), former);
    fixture.services.change_state(|state| state.accounts.right_lost = true);
    let failed = fixture.wait_for_end(id).await?;
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("mandate-lost")));
    assert_eq!((&*failed.long_status, failed.still_running), (LOST_RIGHT_MESSAGE, Some(1)));
    assert_eq!(fixture.find_web_job(), former);
    fixture.wait_until_finalized(1).await
}

on_every_store!(
    mandate_has_only_the_scopes_that_the_steps_need,
    right_lost_during_the_build_fails_the_deployment,
    right_lost_before_the_start_leaves_the_job_unchanged,
    right_lost_after_the_start_restores_the_job,
);
