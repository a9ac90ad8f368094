//! Environments: their pages, their list and their deletion.

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    components::{Deployment, DeploymentCreate, DeploymentState},
    jobs::JobCreate,
};

use crate::{
    fake_services::JobBehavior,
    fixture::ComponentsFixture,
    several::{build_config_deployment, find_job, list_jobs, start_with_exit_status},
};

const WITH_STAGING: &str = "config_version: hearth/v1
components:
  web: {publish: true, command: ./serve}
  files: {image: web-only, command: ./files, port: 8080}
environments:
  staging:
    components:
      web: {command: ./serve --staging}
";

async fn deploy_to(
    fixture: &ComponentsFixture,
    environment: Option<&str>,
    config: &str,
) -> Result<Deployment> {
    let environment = environment.map(str::to_owned);
    let create = DeploymentCreate { environment, ..build_config_deployment(config) };
    let made = fixture.deploy(&create).await?;
    fixture.wait_for_end_advancing_time(made.deploy_id).await
}

async fn environment_has_a_page_beside_that_of_production(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let production = deploy_to(&fixture, None, WITH_STAGING).await?;
    assert_eq!(production.status, DeploymentState::Successful, "{production:?}");
    let staging = deploy_to(&fixture, Some("staging"), WITH_STAGING).await?;
    assert_eq!((staging.status, staging.revision), (DeploymentState::Successful, Some(2)), "{staging:?}");
    let url = production.url.unwrap();
    assert_eq!(staging.url, Some(url.replace("//hello.", "//hello--staging.")));
    assert_eq!(list_jobs(&fixture), ["files", "files--staging", "web", "web--staging"]);
    let (web, web_staging) =
        (find_job(&fixture, "web").unwrap(), find_job(&fixture, "web--staging").unwrap());
    assert_eq!((&*web.cmd, web.publish), ("./serve", Some(true)));
    assert_eq!((&*web_staging.cmd, web_staging.publish), ("./serve --staging", Some(true)));

    // The page of an environment may get another name too, and that of production stays.
    let renamed = WITH_STAGING.replace("web:", "site:");
    let done = deploy_to(&fixture, Some("staging"), &renamed).await?;
    assert_eq!(
        (done.status, &done.removed[..]),
        (DeploymentState::Successful, &["web--staging".to_owned()][..])
    );
    assert_eq!(find_job(&fixture, "site--staging").unwrap().publish, Some(true));
    assert_eq!(list_jobs(&fixture), ["files", "files--staging", "site--staging", "web"]);
    Ok(())
}

async fn failed_deployment_of_an_environment_restores_its_page(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_to(&fixture, Some("staging"), WITH_STAGING).await?;
    fixture.services.change_state(|state| {
        state.jobs.job_behavior.insert("web--staging".to_owned(), JobBehavior::Crashing);
    });
    let changed = WITH_STAGING.replace("./serve --staging", "./serve --broken");
    let failed = deploy_to(&fixture, Some("staging"), &changed).await?;
    assert_eq!((failed.status, failed.url), (DeploymentState::Failed, None));
    let web = find_job(&fixture, "web--staging").unwrap();
    assert_eq!((&*web.cmd, web.publish), ("./serve --staging", Some(true)));
    Ok(())
}

async fn environments_are_listed_and_deleted(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let calls = || fixture.maintainer.components();
    assert_eq!(calls().list_environments(&fixture.tool).await?.environments, []);
    deploy_to(&fixture, None, WITH_STAGING).await?;
    deploy_to(&fixture, Some("staging"), WITH_STAGING).await?;
    // Jobs that were made otherwise count too; a name that is no environment's does not.
    fixture.services.change_state(|state| {
        for name in ["tick--testing", "odd--1"] {
            state.jobs.insert_ready(&JobCreate::new(name.parse().unwrap(), "web-only", "./tick"));
        }
    });
    let listed = fixture.viewer.components().list_environments(&fixture.tool).await?.environments;
    let [staging, testing] = &listed[..] else { unreachable!("{listed:?}") };
    assert_eq!((staging.name.as_str(), staging.revision, &*staging.status), ("staging", Some(2), "Running"));
    assert!(staging.url.as_deref().is_some_and(|url| url.contains("//hello--staging.")), "{staging:?}");
    assert_eq!((testing.name.as_str(), testing.revision, &testing.url), ("testing", None, &None));

    let refused = fixture.viewer.components().delete_environment(&fixture.tool, &staging.name).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let deleted = calls().delete_environment(&fixture.tool, &staging.name).await?;
    assert_eq!(
        deleted.jobs.iter().map(|job| job.as_str()).collect::<Vec<_>>(),
        ["files--staging", "web--staging"]
    );
    assert_eq!(list_jobs(&fixture), ["files", "odd--1", "tick--testing", "web"]);
    let error = calls().delete_environment(&fixture.tool, &staging.name).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "no-such-environment"));
    assert!(error.public_message().ends_with("expected testing"), "{error}");
    // It can be deployed again.
    let again = deploy_to(&fixture, Some("staging"), WITH_STAGING).await?;
    assert_eq!(again.status, DeploymentState::Successful, "{again:?}");
    Ok(())
}

async fn environment_is_not_deleted_during_a_deployment(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_to(&fixture, Some("staging"), WITH_STAGING).await?;
    fixture.services.change_state(|state| state.jobs.behavior = JobBehavior::NeverReady);
    let changed = WITH_STAGING.replace("./serve --staging", "./serve --slow");
    let create =
        DeploymentCreate { environment: Some("staging".to_owned()), ..build_config_deployment(&changed) };
    let made = fixture.deploy(&create).await?;
    let refused =
        fixture.maintainer.components().delete_environment(&fixture.tool, &"staging".parse()?).await;
    assert_eq!(refused.unwrap_err().code(), "deployment-active");
    fixture.maintainer.components().cancel(&fixture.tool, made.deploy_id).await?;
    fixture.wait_for_end_advancing_time(made.deploy_id).await.map(drop)
}

on_every_store!(
    environment_has_a_page_beside_that_of_production,
    failed_deployment_of_an_environment_restores_its_page,
    environments_are_listed_and_deleted,
    environment_is_not_deleted_during_a_deployment,
);
