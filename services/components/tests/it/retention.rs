//! Retention of deployments and revisions, and their deletion with their tool.

use hearth_base::{ErrorKind, PageLimit, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    components::{DeploymentCreate, DeploymentState, StepName},
    queue::QueueEntryState,
};

use crate::{
    fake_services::{BuildMode, JobBehavior},
    fixture::{build_git_deployment, build_image_deployment, start_components},
};

async fn images_of_old_revisions_are_unpinned(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.insert(0, fixture.deploy_to_end(&build_git_deployment()).await?.deploy_id);
    }
    fixture.wait_until_finalized(2).await?;
    let kept = wait_until("the images of older revisions are unpinned", async || {
        let kept: Vec<_> = fixture.list_revisions().await?.iter().map(|revision| revision.kept).collect();
        Ok(Some(kept).filter(|kept| kept.iter().filter(|kept| **kept).count() == 2))
    })
    .await?;
    assert_eq!(kept, [true, true, false, false]);
    let state = fixture.services.lock_state();
    for id in &ids[..2] {
        assert!(state.images.pins.contains_key(&format!("components:{id}")), "{:?}", state.images.pins);
    }
    Ok(())
}

async fn failed_deployment_evicts_no_revision(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (first, second) = (
        fixture.deploy_to_end(&build_git_deployment()).await?,
        fixture.deploy_to_end(&build_git_deployment()).await?,
    );
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::Crashing);
    assert_eq!(fixture.deploy_to_end(&build_git_deployment()).await?.still_running, Some(2));
    fixture.wait_until_finalized(2).await?;
    let state = fixture.services.lock_state();
    for id in [first.deploy_id, second.deploy_id] {
        assert!(state.images.pins.contains_key(&format!("components:{id}")), "{:?}", state.images.pins);
    }
    Ok(())
}

async fn each_environment_keeps_its_own_revisions(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let config = "config_version: hearth/v1\ncomponents:\n  web: {publish: true, command: ./serve}\n\
                  environments:\n  staging: {}\n";
    let of_environment = |environment: Option<&str>| DeploymentCreate {
        config: Some(config.to_owned()),
        environment: environment.map(str::to_owned),
        ..build_git_deployment()
    };
    fixture.deploy_to_end(&of_environment(None)).await?;
    for _ in 0..3 {
        let done = fixture.deploy_to_end(&of_environment(Some("staging"))).await?;
        assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
    }
    let kept = wait_until("the images of the oldest revision of staging are unpinned", async || {
        let revisions = fixture.list_revisions().await?;
        let kept: Vec<_> = revisions.iter().rev().map(|revision| revision.kept).collect();
        Ok(Some(kept).filter(|kept| kept.contains(&false)))
    })
    .await?;
    assert_eq!(kept, [true, false, true, true]);
    Ok(())
}

async fn deletion_of_a_tool_deletes_its_deployments_and_revisions(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    fixture.deploy_other_tool().await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    fixture.deploy_queued(&build_git_deployment()).await?;
    fixture.wait_for_step(id, StepName::Build).await?;
    fixture.services.change_state(|state| state.accounts.delete_tool(fixture.id));
    fixture.wait_for_fake_state("the duty is done", |state| state.accounts.cleanup_duties.is_empty()).await?;
    assert_eq!(fixture.show_deployment(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let calls = fixture.viewer.components();
    assert!(calls.list(&fixture.tool, &Default::default()).await?.deployments.is_empty());
    assert!(fixture.list_revisions().await?.is_empty());
    // The running deployment does not come back, and other tools are unchanged.
    assert_eq!(fixture.deploy_other_tool().await?, DeploymentState::Successful);
    assert_eq!(fixture.other.components().show_revision(&"other".parse()?, 2).await?.number, 2);
    assert_eq!(fixture.services.lock_state().jobs.changes.len(), 2);
    let dead = Some(QueueEntryState::Dead);
    assert!(
        fixture
            .stand
            .kit
            .create_queue()?
            .list(None, dead, PageLimit::default(), None)
            .await?
            .items
            .is_empty()
    );
    // Ids are never reused: nothing can be created for a deleted tool.
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Immediate);
    assert_eq!(fixture.deploy(&build_image_deployment("web-only")).await.unwrap_err().code(), "tool-deleted");
    Ok(())
}

on_every_store!(
    images_of_old_revisions_are_unpinned,
    failed_deployment_evicts_no_revision,
    each_environment_keeps_its_own_revisions,
    deletion_of_a_tool_deletes_its_deployments_and_revisions,
);
