//! Components that are not web pages: continuous programs without a port, and scheduled ones.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    components::{DeploymentCreate, DeploymentState},
    jobs::{JobCreate, JobType, MountMode},
};

use crate::{
    fake_services::JobBehavior,
    fixture::{build_image_deployment, start_components},
};

fn build_nightly(schedule: &str) -> Result<DeploymentCreate> {
    Ok(DeploymentCreate {
        component: Some("nightly".parse()?),
        command: Some("./tidy".to_owned()),
        schedule: Some(schedule.to_owned()),
        ..build_image_deployment("python3.11")
    })
}

async fn unpublished_component_needs_no_port(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let bot = DeploymentCreate {
        command: Some("./bot".to_owned()),
        publish: Some(false),
        ..build_image_deployment("python3.11")
    };
    assert_eq!(fixture.deploy_to_end(&bot).await?.status, DeploymentState::Successful);
    let job = fixture.find_web_job().unwrap();
    assert_eq!((job.port, job.publish, job.effective_type()), (None, Some(false), JobType::Continuous));
    assert_eq!(fixture.list_revisions().await?[0].port, 0);
    Ok(())
}

async fn bot_that_ends_right_after_its_start_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::CrashingWhenReady);
    let page = build_image_deployment("web-only");
    assert_eq!(fixture.deploy_to_end(&page).await?.status, DeploymentState::Successful);
    let bot = DeploymentCreate {
        component: Some("bot".parse()?),
        command: Some("./bot".to_owned()),
        publish: Some(false),
        ..build_image_deployment("python3.11")
    };
    let done = fixture.deploy_to_end(&bot).await?;
    assert_eq!(done.code.as_deref(), Some("component-crashed"), "{done:?}");
    assert!(fixture.services.lock_state().jobs.find_job("bot").is_none(), "it is rolled back");
    Ok(())
}

async fn component_with_a_schedule_is_a_scheduled_job(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let create = DeploymentCreate { timezone: Some("Europe/Berlin".to_owned()), ..build_nightly("@daily")? };
    let done = fixture.deploy_to_end(&create).await?;
    assert_eq!((done.status, &done.url), (DeploymentState::Successful, &None), "{done:?}");
    let job = fixture.services.lock_state().jobs.find_job("nightly").unwrap().spec.clone();
    assert_eq!((job.effective_type(), job.port, job.publish), (JobType::Scheduled, None, None));
    assert_eq!(job.timezone.as_deref(), Some("Europe/Berlin"));
    let revision = fixture.list_revisions().await?.remove(0);
    assert_eq!(revision.schedule.as_deref(), Some("@daily"));
    Ok(())
}

async fn deployment_without_a_schedule_keeps_that_of_the_job(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_nightly("@daily")?).await?;
    let again = DeploymentCreate { schedule: None, ..build_nightly("@daily")? };
    let again = DeploymentCreate { command: Some("./other".to_owned()), ..again };
    let done = fixture.deploy_to_end(&again).await?;
    assert_eq!((done.status, &done.url), (DeploymentState::Successful, &None), "{done:?}");
    let job = fixture.services.lock_state().jobs.find_job("nightly").unwrap().spec.clone();
    assert_eq!((job.schedule.as_deref(), &*job.cmd), (Some("@daily"), "./other"));
    Ok(())
}

async fn home_is_mounted_as_the_deployment_says(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let web = |mount| DeploymentCreate { mount, ..build_image_deployment("web-only") };
    for (requested, mounted) in [
        (None, None),
        (Some(MountMode::All), Some(MountMode::All)),
        // A deployment without a word about it keeps the data of the page.
        (None, Some(MountMode::All)),
        (Some(MountMode::None), Some(MountMode::None)),
    ] {
        assert_eq!(fixture.deploy_to_end(&web(requested)).await?.status, DeploymentState::Successful);
        assert_eq!(fixture.find_web_job().unwrap().mount, mounted);
    }
    Ok(())
}

async fn schedule_for_a_continuous_job_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let mut spec = JobCreate::new("nightly".parse()?, "python3.11", "./by-hand");
    spec.continuous = Some(true);
    fixture.services.change_state(|state| state.jobs.insert_ready(&spec));
    let done = fixture.deploy_to_end(&build_nightly("@daily")?).await?;
    assert_eq!(done.code.as_deref(), Some("component-kind"), "{done:?}");
    assert_eq!(fixture.services.lock_state().jobs.find_job("nightly").unwrap().spec.cmd, "./by-hand");
    Ok(())
}

async fn schedule_with_a_page_or_a_port_is_refused(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for create in [
        DeploymentCreate { publish: Some(true), ..build_nightly("@daily")? },
        DeploymentCreate { port: Some(9000), ..build_nightly("@daily")? },
    ] {
        let refused = fixture.deploy(&create).await.unwrap_err();
        assert_eq!(refused.code(), "component-kind");
    }
    let zone = DeploymentCreate { timezone: Some("UTC".to_owned()), ..build_image_deployment("web-only") };
    assert_eq!(fixture.deploy(&zone).await.unwrap_err().code(), "timezone");
    Ok(())
}

on_every_store!(
    bot_that_ends_right_after_its_start_fails_the_deployment,
    unpublished_component_needs_no_port,
    component_with_a_schedule_is_a_scheduled_job,
    deployment_without_a_schedule_keeps_that_of_the_job,
    home_is_mounted_as_the_deployment_says,
    schedule_for_a_continuous_job_is_refused,
    schedule_with_a_page_or_a_port_is_refused,
);
