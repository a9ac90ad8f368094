//! Deployments whose components keep their images: without any build, or because their sources have not changed.

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    components::{DeploySource, DeploymentCreate, DeploymentPlanQuery, DeploymentState},
    jobs::JobCreate,
};

use crate::fixture::{ComponentsFixture, build_git_deployment, start_components};

const SAMPLE_CONFIG: &str = "config_version: hearth/v1
components:
  web: {publish: true, command: ./serve, variables: {LEVEL: info}}
  files: {image: web-only, command: ./files, port: 8080}
";

/// Two components of a monorepo, each with its files.
const MONOREPO_CONFIG: &str = "config_version: hearth/v1
components:
  web: {publish: true, command: ./serve, build: {folder: web}, when_changed: ['web/**']}
  api: {port: 9000, command: ./api, build: {folder: api}, when_changed: ['api/**']}
";

fn find_job(fixture: &ComponentsFixture, name: &str) -> JobCreate {
    fixture.services.lock_state().jobs.find_job(name).map(|job| job.spec.clone()).unwrap()
}

fn count_builds(fixture: &ComponentsFixture) -> usize {
    fixture.services.lock_state().builds.all.len()
}

fn build_create(config: &str, digests: &[(&str, &str)]) -> Result<DeploymentCreate> {
    let digests = digests.iter().map(|(name, digest)| Ok((name.parse()?, (*digest).to_owned())));
    Ok(DeploymentCreate {
        config: Some(config.to_owned()),
        source_digests: digests.collect::<Result<_>>()?,
        ..build_git_deployment()
    })
}

async fn configuration_is_applied_without_a_build(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let apply = |config: &str| DeploymentCreate {
        config: Some(config.to_owned()),
        keep_images: true,
        ..DeploymentCreate::default()
    };
    let first = fixture.deploy(&apply(SAMPLE_CONFIG)).await.unwrap_err();
    assert_eq!((first.kind(), first.code()), (ErrorKind::Conflict, "build-needed"));
    assert_eq!(first.public_message(), "component web needs a build: the newest revision does not have it");
    assert_eq!(first.help_text(), Some("hearth deploy"));
    fixture.deploy_to_end(&build_create(SAMPLE_CONFIG, &[])?).await?;
    let (image, builds) = (find_job(&fixture, "web").imagename, count_builds(&fixture));
    // Twice: what was built stays known.
    for (number, level) in [(2, "debug"), (3, "trace")] {
        let done = fixture.deploy_to_end(&apply(&SAMPLE_CONFIG.replace("info", level))).await?;
        assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
        let web = find_job(&fixture, "web");
        let variables = web.variables.unwrap();
        assert_eq!((&web.imagename, &variables.as_map()[&"LEVEL".parse()?]), (&image, &level.to_owned()));
        let revision = fixture.viewer.components().show_revision(&fixture.tool, number).await?;
        let component = &revision.components[&"web".parse()?];
        assert_eq!(component.source, build_git_deployment().source);
        assert!(!component.resolved_ref.is_empty());
    }
    assert_eq!(count_builds(&fixture), builds);
    let other = SAMPLE_CONFIG.replace("command: ./serve", "command: ./serve, build: {folder: web}");
    let refused = fixture.deploy(&apply(&other)).await.unwrap_err();
    assert_eq!(
        refused.public_message(),
        "component web needs a build: its folder or recipe is another one than that of its image"
    );
    let with_source = DeploymentCreate { source: build_git_deployment().source, ..apply(SAMPLE_CONFIG) };
    assert_eq!(fixture.deploy(&with_source).await.unwrap_err().code(), "images-and-source");
    Ok(())
}

async fn component_with_unchanged_files_keeps_its_image(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_create(MONOREPO_CONFIG, &[("web", "w1"), ("api", "a1")])?).await?;
    assert_eq!(count_builds(&fixture), 2);
    let second = build_create(MONOREPO_CONFIG, &[("web", "w1"), ("api", "a2")])?;
    let calls = fixture.maintainer.components();
    let plan = calls.plan_deployment(&fixture.tool, &second, &DeploymentPlanQuery::default()).await?.data;
    let needs_build = plan.components.iter().map(|one| (one.name.as_str(), one.needs_build));
    assert_eq!(needs_build.collect::<Vec<_>>(), [("api", true), ("web", false)], "{plan:?}");
    let done = fixture.deploy_to_end(&second).await?;
    assert_eq!((done.status, count_builds(&fixture)), (DeploymentState::Successful, 3), "{done:?}");
    assert_eq!(done.builds["web"].build_id, "no-build-needed");
    // Nothing has changed at all, and the digests of kept images stay known.
    fixture.deploy_to_end(&second).await?;
    assert_eq!(count_builds(&fixture), 3);
    // Without a digest, everything is built; so it is when the build itself changes.
    fixture.deploy_to_end(&build_create(MONOREPO_CONFIG, &[])?).await?;
    assert_eq!(count_builds(&fixture), 5);
    fixture.deploy_to_end(&second).await?;
    let changed = MONOREPO_CONFIG.replace("build: {folder: web}", "build: {folder: web, recipe: detected}");
    fixture.deploy_to_end(&build_create(&changed, &[("web", "w1"), ("api", "a2")])?).await?;
    assert_eq!(count_builds(&fixture), 8);
    Ok(())
}

async fn folder_is_planned_before_it_is_uploaded(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let create = DeploymentCreate { config: Some(SAMPLE_CONFIG.to_owned()), ..DeploymentCreate::default() };
    let calls = fixture.maintainer.components();
    let missing = calls.plan_deployment(&fixture.tool, &create, &DeploymentPlanQuery::default()).await;
    assert_eq!(missing.err().map(|error| error.code().to_owned()).as_deref(), Some("config-invalid"));
    let query = DeploymentPlanQuery { folder: true };
    let plan = calls.plan_deployment(&fixture.tool, &create, &query).await?.data;
    let web = plan.components.iter().find(|one| one.name.as_str() == "web").unwrap();
    assert_eq!((web.needs_build, &*web.image), (true, "a build of the uploaded folder"));
    let fields: Vec<&str> = web.changes.iter().map(|change| &*change.field).collect();
    assert!(fields.contains(&"variables.LEVEL"), "{fields:?}");
    assert!(!matches!(create.source, Some(DeploySource::Upload(_))));
    Ok(())
}

on_every_store!(
    configuration_is_applied_without_a_build,
    component_with_unchanged_files_keeps_its_image,
    folder_is_planned_before_it_is_uploaded,
);
