//! Deployments of several components by a configuration.

use hearth_base::{JobName, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    components::{
        BuildState, ComponentRunState, Deployment, DeploymentCreate, DeploymentFailureClass, DeploymentState,
    },
    jobs::{JobCreate, JobType},
};
use jiff::SignedDuration;

use crate::{
    fake_services::{CallOutcome, JobBehavior},
    fixture::{ComponentsFixture, build_git_deployment, build_image_deployment, start_components},
};

/// A page, a worker, a scheduled job and a migration of one source, and a page of files from an image.
pub const FIVE_COMPONENTS: &str = "config_version: hearth/v1
components:
  web: {publish: true, command: ./serve}
  worker: {reuse_from: web, command: ./work}
  tick: {reuse_from: web, command: ./tick, schedule: '@daily'}
  migrate: {reuse_from: web, command: ./migrate, run: before}
  files: {image: web-only, command: ./files, port: 8080}
";

pub fn build_config_deployment(config: &str) -> DeploymentCreate {
    DeploymentCreate { config: Some(config.to_owned()), ..build_git_deployment() }
}

pub async fn start_with_exit_status(db: Db, status: i32) -> Result<ComponentsFixture> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.one_off_exit = Some(status));
    Ok(fixture)
}

/// Deploys a configuration. A component without a port counts as ready after five seconds, so the clock advances.
pub async fn deploy_config(fixture: &ComponentsFixture, config: &str) -> Result<Deployment> {
    let made = fixture.deploy(&build_config_deployment(config)).await?;
    fixture.wait_for_end_advancing_time(made.deploy_id).await
}

/// Lists the names of the tool's jobs.
pub fn list_jobs(fixture: &ComponentsFixture) -> Vec<String> {
    let state = fixture.services.lock_state();
    state.jobs.all.keys().filter_map(|key| key.strip_prefix("hello ").map(str::to_owned)).collect()
}

pub fn find_job(fixture: &ComponentsFixture, name: &str) -> Option<JobCreate> {
    fixture.services.lock_state().jobs.find_job(name).map(|job| job.spec.clone())
}

async fn components_of_a_configuration_share_one_build(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let done = deploy_config(&fixture, FIVE_COMPONENTS).await?;
    assert_eq!((done.status, done.revision), (DeploymentState::Successful, Some(1)), "{done:?}");
    assert_eq!(list_jobs(&fixture), ["files", "migrate", "tick", "web", "worker"]);
    let built = find_job(&fixture, "web").unwrap().imagename;
    for (name, command) in
        [("web", "./serve"), ("worker", "./work"), ("tick", "./tick"), ("migrate", "./migrate")]
    {
        let job = find_job(&fixture, name).unwrap();
        assert_eq!((&job.imagename, &*job.cmd), (&built, command), "{name}");
    }
    assert_eq!(find_job(&fixture, "tick").unwrap().effective_type(), JobType::Scheduled);
    assert_eq!(find_job(&fixture, "migrate").unwrap().effective_type(), JobType::OneOff);
    let web = find_job(&fixture, "web").unwrap();
    assert_eq!((web.port, web.publish), (Some(8000), Some(true)));
    {
        let state = fixture.services.lock_state();
        assert_eq!((state.builds.all.len(), &*state.jobs.one_off_starts), (1, &["migrate".to_owned()][..]));
    }
    assert_eq!(done.builds.len(), 5);
    assert_eq!(done.builds["worker"].build_id, done.builds["web"].build_id);
    assert_eq!(done.builds["files"].build_status, BuildState::Skipped);
    assert!(done.runs.values().all(|run| run.run_status == ComponentRunState::Successful), "{:?}", done.runs);
    let revision = fixture.viewer.components().show_revision(&fixture.tool, 1).await?;
    let names: Vec<&str> = revision.components.keys().map(JobName::as_str).collect();
    assert_eq!(names, ["files", "migrate", "tick", "web", "worker"]);
    assert_eq!((revision.component.as_str(), &revision.image), ("web", &built));
    assert_eq!(revision.config.as_deref(), Some(FIVE_COMPONENTS));
    // One pin for each component.
    fixture.wait_until_finalized(5).await
}

async fn failed_migration_changes_nothing_else(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    let changes = fixture.services.change_state(|state| {
        state.jobs.one_off_exit = Some(3);
        state.jobs.changes.len()
    });
    let changed = FIVE_COMPONENTS.replace("./serve", "./serve --new").replace("./work", "./work --new");
    let failed = deploy_config(&fixture, &changed).await?;
    assert_eq!((failed.status, failed.still_running), (DeploymentState::Failed, Some(1)), "{failed:?}");
    assert_eq!(failed.failure_class, Some(DeploymentFailureClass::Crash));
    assert!(
        failed.long_status.starts_with("migrate has not succeeded: it ended with status 3"),
        "{failed:?}"
    );
    assert_eq!(failed.runs["migrate"].run_status, ComponentRunState::Failed);
    assert_eq!(failed.runs["web"].run_status, ComponentRunState::Skipped);
    assert_eq!(fixture.services.lock_state().jobs.changes.len(), changes, "no job has changed");
    assert_eq!(find_job(&fixture, "web").unwrap().cmd, "./serve");
    assert_eq!(fixture.services.lock_state().jobs.one_off_starts.len(), 2, "the rollback runs nothing again");
    Ok(())
}

async fn page_changes_only_after_the_other_components_are_ready(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    fixture.services.change_state(|state| {
        state.jobs.changes.clear();
        state.jobs.job_behavior.insert("worker".to_owned(), JobBehavior::Crashing);
    });
    let changed = FIVE_COMPONENTS.replace("./serve", "./serve --new").replace("./work", "./work --new");
    let failed = deploy_config(&fixture, &changed).await?;
    assert_eq!(failed.status, DeploymentState::Failed, "{failed:?}");
    assert!(failed.long_status.starts_with("worker ended 3 times right after its start"), "{failed:?}");
    assert_eq!(failed.runs["worker"].run_status, ComponentRunState::Failed);
    let state = fixture.services.lock_state();
    let changed: Vec<(&str, &str)> =
        state.jobs.changes.iter().map(|job| (job.name.as_str(), &*job.cmd)).collect();
    assert!(!changed.contains(&("web", "./serve --new")), "{changed:?}");
    assert!(changed.contains(&("worker", "./work --new")), "{changed:?}");
    assert_eq!(state.jobs.find_job("worker").unwrap().spec.cmd, "./work", "the worker is rolled back");
    Ok(())
}

async fn component_that_is_no_longer_named_is_removed(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    let by_hand = JobCreate::new("by-hand".parse()?, "web-only", "./by-hand");
    fixture.services.change_state(|state| state.jobs.insert_ready(&by_hand));
    let without = "config_version: hearth/v1\ncomponents:\n  web: {publish: true, command: ./serve}\n";
    let done = deploy_config(&fixture, without).await?;
    assert_eq!(done.removed, ["files", "migrate", "tick", "worker"], "{done:?}");
    assert_eq!(list_jobs(&fixture), ["by-hand", "web"], "jobs that were no components stay");
    assert_eq!(fixture.list_revisions().await?[0].components.len(), 1);
    // The revision before comes back with all its components, and without a build.
    let back = DeploymentCreate { revision: Some(1), ..DeploymentCreate::default() };
    let made = fixture.deploy(&back).await?;
    let back = fixture.wait_for_end_advancing_time(made.deploy_id).await?;
    assert_eq!((back.status, back.revision), (DeploymentState::Successful, Some(3)), "{back:?}");
    assert_eq!(list_jobs(&fixture), ["by-hand", "files", "tick", "web", "worker"]);
    let state = fixture.services.lock_state();
    assert_eq!(
        (state.builds.all.len(), state.jobs.one_off_starts.len()),
        (2, 1),
        "the migration does not run again"
    );
    Ok(())
}

async fn rollback_restores_the_variables_of_the_revision_if_asked_for(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    deploy_config(
        &fixture,
        "config_version: hearth/v1\ncomponents:\n  web: {publish: true, command: ./new}\n",
    )
    .await?;
    let created = fixture.list_revisions().await?[1].created;
    let back = DeploymentCreate { revision: Some(1), restore_envvars: true, ..DeploymentCreate::default() };
    let made = fixture.deploy(&back).await?;
    let done = fixture.wait_for_end_advancing_time(made.deploy_id).await?;
    assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
    for name in ["files", "tick", "web", "worker"] {
        assert_eq!(find_job(&fixture, name).unwrap().envvars_at, Some(created), "{name}");
    }
    // A rollback to what a rollback made keeps its time, and the next deployment returns to the current values.
    assert_eq!(fixture.list_revisions().await?[0].components[&"web".parse()?].job.envvars_at, Some(created));
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    assert_eq!(find_job(&fixture, "web").unwrap().envvars_at, None);
    let alone = DeploymentCreate { restore_envvars: true, ..build_config_deployment(FIVE_COMPONENTS) };
    let refused = fixture.deploy(&alone).await.unwrap_err();
    assert!(refused.public_message().contains("restore_envvars needs the revision"), "{refused}");
    Ok(())
}

async fn one_off_component_that_is_never_started_fails_the_deployment(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.jobs.one_off_waits = true);
    let id = fixture.deploy(&build_config_deployment(FIVE_COMPONENTS)).await?.deploy_id;
    fixture.wait_for_fake_state("it is requested", |state| state.jobs.one_off_starts == ["migrate"]).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(61));
    let failed = fixture.wait_for_end_advancing_time(id).await?;
    let class = Some(DeploymentFailureClass::Timeout);
    assert_eq!((failed.status, failed.failure_class), (DeploymentState::TimedOut, class), "{failed:?}");
    assert!(failed.long_status.contains("migrate was not started in time"), "{failed:?}");
    assert!(list_jobs(&fixture).is_empty(), "nothing else has started");
    Ok(())
}

async fn component_without_an_image_is_left_out_of_the_next_revision(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    fixture.services.change_state(|state| {
        state.jobs.all.remove("hello files");
        state.images.deleted = Some("web-only");
    });
    let done = fixture.deploy_to_end(&build_git_deployment()).await?;
    assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
    let components: Vec<_> = fixture.list_revisions().await?[0].components.keys().cloned().collect();
    assert_eq!(
        components.iter().map(JobName::as_str).collect::<Vec<_>>(),
        ["migrate", "tick", "web", "worker"]
    );
    Ok(())
}

async fn failed_last_component_restores_what_was_removed(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    fixture.services.change_state(|state| state.jobs.one_off_exit = Some(1));
    let notify = "config_version: hearth/v1
components:
  web: {publish: true, command: ./serve --new}
  notify: {reuse_from: web, command: ./notify, run: after}
";
    let failed = deploy_config(&fixture, notify).await?;
    assert_eq!(failed.status, DeploymentState::Failed, "{failed:?}");
    assert_eq!(list_jobs(&fixture), ["files", "tick", "web", "worker"], "a one-off job does not run again");
    assert_eq!(fixture.services.lock_state().jobs.one_off_starts, ["migrate", "notify"]);
    assert_eq!(find_job(&fixture, "web").unwrap().cmd, "./serve");
    assert_eq!(find_job(&fixture, "tick").unwrap().schedule.as_deref(), Some("@daily"));
    Ok(())
}

async fn deployment_of_one_folder_keeps_the_other_components_in_the_revision(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    let create =
        DeploymentCreate { command: Some("./other".to_owned()), ..build_image_deployment("web-only") };
    let done = fixture.deploy_to_end(&create).await?;
    assert_eq!((done.status, done.removed.len()), (DeploymentState::Successful, 0), "{done:?}");
    assert_eq!(list_jobs(&fixture).len(), 5);
    let newest = &fixture.list_revisions().await?[0];
    assert_eq!((newest.number, newest.components.len()), (2, 5));
    assert_eq!(newest.components[&"web".parse::<JobName>()?].job.cmd, "./other");
    assert_eq!(newest.components[&"worker".parse::<JobName>()?].job.cmd, "./work");
    Ok(())
}

async fn stored_configuration_is_deployed_without_a_source(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let empty = DeploymentCreate::default();
    let refused = fixture.deploy(&empty).await.unwrap_err();
    assert_eq!(refused.code(), "no-source");
    let stored = "components:
  web:
    build: {repository: 'https://code.example/hello', ref: main}
    run: {command: web, publish: /, port: 8000}
  again:
    build: {repository: 'https://code.example/hello', ref: main}
    run: {command: ./again}
";
    fixture.maintainer.components().save_config(&fixture.tool, stored, None).await?;
    let made = fixture.deploy(&empty).await?;
    let names: Vec<&str> = made.builds.keys().map(String::as_str).collect();
    assert_eq!(names, ["again", "web"], "the first answer lists the components");
    let done = fixture.wait_for_end_advancing_time(made.deploy_id).await?;
    assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
    assert_eq!(fixture.services.lock_state().builds.all.len(), 1, "equal builds are one build");
    let both = DeploymentCreate { port: Some(80), ..build_config_deployment(stored) };
    let refused = fixture.deploy(&both).await.unwrap_err();
    assert_eq!(refused.public_message(), "a configuration names the components; the request also has port");
    Ok(())
}

async fn page_may_get_another_name(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    deploy_config(&fixture, FIVE_COMPONENTS).await?;
    let renamed = FIVE_COMPONENTS.replace("web:", "site:").replace("reuse_from: web", "reuse_from: site");
    fixture.services.change_state(|state| {
        state.jobs.job_behavior.insert("site".to_owned(), JobBehavior::Crashing);
    });
    let failed = deploy_config(&fixture, &renamed).await?;
    assert_eq!(failed.status, DeploymentState::Failed, "{failed:?}");
    assert!(failed.long_status.starts_with("site ended 3 times"), "{failed:?}");
    assert_eq!(find_job(&fixture, "web").unwrap().publish, Some(true), "the former page is back");
    fixture.services.change_state(|state| state.jobs.job_behavior.clear());
    let done = deploy_config(&fixture, &renamed).await?;
    assert_eq!((done.status, &done.removed[..]), (DeploymentState::Successful, &["web".to_owned()][..]));
    Ok(())
}

async fn unchanged_page_that_sleeps_is_deployed_without_waking(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let config = "config_version: hearth/v1\ncomponents:\n  web: {image: web-only, command: ./serve, publish: true, sleep_after: 30m}\n";
    assert_eq!(deploy_config(&fixture, config).await?.status, DeploymentState::Successful);
    assert_eq!(find_job(&fixture, "web").unwrap().sleep_after, Some(1800));
    fixture.services.change_state(|state| state.jobs.put_to_sleep("web", jiff::Timestamp::UNIX_EPOCH));
    let again = deploy_config(&fixture, config).await?;
    assert_eq!(again.status, DeploymentState::Successful, "{again:?}");
    assert_eq!(fixture.services.lock_state().jobs.restarts, 0);
    Ok(())
}

async fn names_of_other_environments_and_empty_rollbacks_are_refused(db: Db) -> Result<()> {
    let fixture = start_with_exit_status(db, 0).await?;
    let foreign = DeploymentCreate { component: Some("web--test".parse()?), ..build_git_deployment() };
    assert_eq!(fixture.deploy(&foreign).await.unwrap_err().code(), "component-name");
    let once = "config_version: hearth/v1\ncomponents:\n  migrate: {image: web-only, command: ./migrate, run: before}\n";
    assert_eq!(deploy_config(&fixture, once).await?.status, DeploymentState::Successful);
    let back = DeploymentCreate { revision: Some(1), ..DeploymentCreate::default() };
    assert_eq!(fixture.deploy(&back).await.unwrap_err().code(), "nothing-to-roll-back");
    // The environment `production` is the configuration itself.
    let production = DeploymentCreate {
        environment: Some("production".to_owned()),
        ..build_config_deployment(FIVE_COMPONENTS)
    };
    let made = fixture.deploy(&production).await?;
    let done = fixture.wait_for_end_advancing_time(made.deploy_id).await?;
    assert_eq!((done.status, done.environment), (DeploymentState::Successful, None));
    assert_eq!(find_job(&fixture, "web").unwrap().publish, Some(true));
    Ok(())
}

/// Deploys five components repeatedly and kills the service one call later each time, until a deployment ends before the
/// kill.
async fn several_components_continue_after_a_kill_at_any_call(db: Db) -> Result<()> {
    let mut fixture = start_with_exit_status(db, 0).await?;
    for calls in (0..).step_by(3) {
        fixture.services.end_caller_after(calls, CallOutcome::CallerGoneAfterCall);
        let changed = FIVE_COMPONENTS.replace("./serve", &format!("./serve {calls}"));
        let starts = fixture.services.lock_state().jobs.one_off_starts.len();
        let id = fixture.deploy(&build_config_deployment(&changed)).await?.deploy_id;
        let through = tokio::select! {
            () = fixture.services.caller_gone.notified() => false,
            done = fixture.wait_for_end_advancing_time(id) => done.is_ok(),
        };
        fixture.kill_service().await;
        fixture.services.clear_script();
        fixture.restart_service().await?;
        let done = fixture.wait_for_end_advancing_time(id).await?;
        assert_eq!(done.status, DeploymentState::Successful, "killed after {calls} calls: {done:?}");
        assert_eq!(find_job(&fixture, "web").unwrap().cmd, format!("./serve {calls}"));
        let state = fixture.services.lock_state();
        assert_eq!(
            state.jobs.one_off_starts.len(),
            starts + 1,
            "killed after {calls} calls, the migration ran once"
        );
        if through {
            assert!(calls > 20, "a deployment makes more than {calls} calls");
            return Ok(());
        }
    }
    Ok(())
}

on_every_store!(
    components_of_a_configuration_share_one_build,
    failed_migration_changes_nothing_else,
    page_changes_only_after_the_other_components_are_ready,
    component_that_is_no_longer_named_is_removed,
    rollback_restores_the_variables_of_the_revision_if_asked_for,
    one_off_component_that_is_never_started_fails_the_deployment,
    component_without_an_image_is_left_out_of_the_next_revision,
    failed_last_component_restores_what_was_removed,
    deployment_of_one_folder_keeps_the_other_components_in_the_revision,
    stored_configuration_is_deployed_without_a_source,
    page_may_get_another_name,
    unchanged_page_that_sleeps_is_deployed_without_waking,
    names_of_other_environments_and_empty_rollbacks_are_refused,
    several_components_continue_after_a_kill_at_any_call,
);
