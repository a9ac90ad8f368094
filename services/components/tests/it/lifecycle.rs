//! Deployments from a source to a revision, and their reading.

use std::collections::BTreeSet;

use hearth_base::{PageLimit, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{
        BuildState, ComponentRunState, DeploymentCreate, DeploymentCreateQuery, DeploymentQuery,
        DeploymentState, StepName, StepState,
    },
    jobs::JobType,
    reply::Paging,
};

use crate::{
    fake_services::{BuildMode, JobBehavior},
    fixture::{
        ComponentsFixture, build_git_deployment, build_image_deployment, find_step_state, start_components,
    },
};

async fn deployment_takes_all_steps_and_creates_a_revision(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let create = DeploymentCreate { description: "the first".to_owned(), ..build_git_deployment() };
    let done = fixture.deploy_to_end(&create).await?;
    assert_eq!((done.status, done.revision), (DeploymentState::Successful, Some(1)), "{done:?}");
    assert_eq!((&*done.long_status, &*done.by), ("revision 1 runs", "user somebody"));
    assert_eq!(done.url.as_deref(), Some("http://hello.localhost:8080"));
    let steps: Vec<_> = done.steps.iter().map(|step| (step.name, step.state)).collect();
    assert_eq!(steps, StepName::ALL.map(|name| (name, StepState::Done)));
    assert!(done.steps.iter().all(|step| step.started.is_some() && step.ended.is_some()));
    let (build, run) = (&done.builds["web"], &done.runs["web"]);
    assert_eq!((build.build_status, run.run_status), (BuildState::Successful, ComponentRunState::Successful));
    let revision = fixture.viewer.components().show_revision(&fixture.tool, 1).await?;
    assert_eq!((revision.deployment, revision.kept), (done.deploy_id, true));
    assert_eq!((&*revision.description, &*revision.command), ("the first", "web"));
    assert!(revision.image.contains("@sha256:0101") && !revision.resolved_ref.is_empty(), "{revision:?}");
    let job = fixture.find_web_job().unwrap();
    assert_eq!((job.effective_type(), job.port, job.publish), (JobType::Continuous, Some(8000), Some(true)));
    assert_eq!((job.imagename, job.cmd), (revision.image, "web".to_owned()));
    fixture.wait_until_finalized(1).await
}

async fn second_deployment_creates_revision_2(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.deploy_to_end(&build_git_deployment()).await?;
    assert_eq!(fixture.deploy_to_end(&build_git_deployment()).await?.revision, Some(2));
    let numbers: Vec<_> = fixture.list_revisions().await?.iter().map(|revision| revision.number).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(fixture.services.lock_state().jobs.find_job("web").unwrap().generation, 2);
    let missing = fixture.viewer.components().show_revision(&fixture.tool, 3).await.unwrap_err();
    assert_eq!(missing.public_message(), "there is no revision 3");
    Ok(())
}

async fn deployment_of_an_image_skips_the_build(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let create =
        DeploymentCreate { command: Some("./other".to_owned()), ..build_image_deployment("python3.11") };
    let create = DeploymentCreate { port: Some(9000), publish: Some(false), ..create };
    let done = fixture.deploy_to_end(&create).await?;
    assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
    assert_eq!((find_step_state(&done, StepName::Build), done.url), (Some(StepState::Skipped), None));
    assert_eq!(done.builds["web"].build_id, "no-build-needed");
    let job = fixture.find_web_job().unwrap();
    assert_eq!((&*job.cmd, job.port, job.publish), ("./other", Some(9000), Some(false)));
    assert!(fixture.services.lock_state().builds.all.is_empty());
    Ok(())
}

async fn job_settings_other_than_image_and_command_stay(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let mut spec = hearth_wire::jobs::JobCreate::new("web".parse()?, "python3.11", "./by-hand");
    (spec.continuous, spec.replicas, spec.memory) = (Some(true), Some(2), Some("1Gi".parse()?));
    fixture.services.change_state(|state| state.jobs.insert_ready(&spec));
    assert_eq!(fixture.deploy_to_end(&build_git_deployment()).await?.status, DeploymentState::Successful);
    let job = fixture.find_web_job().unwrap();
    assert_eq!((job.replicas, job.memory), (spec.replicas, spec.memory));
    Ok(())
}

async fn unchanged_job_is_restarted_only_with_force_run(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    for force_run in [false, false, true] {
        let query = DeploymentCreateQuery { force_run, ..DeploymentCreateQuery::default() };
        let made = fixture.deploy_as(&build_image_deployment("web-only"), &query).await?;
        assert_eq!(fixture.wait_for_end(made.deploy_id).await?.status, DeploymentState::Successful);
    }
    let state = fixture.services.lock_state();
    assert_eq!((state.jobs.changes.len(), state.jobs.restarts), (1, 1));
    Ok(())
}

async fn list_continues_at_its_cursor(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, fixture.deploy_to_end(&build_image_deployment("web-only")).await?.deploy_id);
    }
    let calls = fixture.viewer.components();
    let mut paging = Paging { limit: PageLimit::new(2)?, cursor: None };
    let first = calls.list(&fixture.tool, &paging).await?;
    paging.cursor = first.next;
    let rest = calls.list(&fixture.tool, &paging).await?;
    assert_eq!(rest.next, None);
    let seen = first.deployments.iter().chain(&rest.deployments).map(|found| found.deploy_id);
    assert_eq!(seen.collect::<Vec<_>>(), made);
    assert_eq!(calls.show_latest(&fixture.tool).await?.deploy_id, made[0]);
    paging.cursor = None;
    let first = calls.list_revisions(&fixture.tool, &paging).await?;
    paging.cursor = first.next;
    let rest = calls.list_revisions(&fixture.tool, &paging).await?;
    let seen: Vec<_> = first.revisions.iter().chain(&rest.revisions).map(|found| found.number).collect();
    assert_eq!((seen, rest.next), (vec![3, 2, 1], None));
    Ok(())
}

async fn wait_for_a_change_ends_with_the_change(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| state.builds.mode = BuildMode::Manual);
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    let at = fixture.wait_for_step(id, StepName::Build).await?;
    let at = fixture
        .wait_for_deployment(id, "the build is queued", |found| found.long_status.contains("queued"))
        .await?
        .version
        .max(at.version);
    let query = DeploymentQuery { wait: Some(25), after: Some(at) };
    let calls = fixture.viewer.components();
    let (news, ()) = tokio::join!(calls.show(&fixture.tool, id, &query), async {
        fixture.services.change_state(|state| state.builds.end_newest(BuildStatus::BuildSuccess, "made"));
    });
    assert!(news?.version > at);
    let until_over = DeploymentQuery { wait: Some(25), after: None };
    assert_eq!(calls.show(&fixture.tool, id, &until_over).await?.status, DeploymentState::Successful);
    Ok(())
}

async fn step_message_names_the_awaited_event(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    fixture.services.change_state(|state| {
        (state.builds.mode, state.jobs.behavior) = (BuildMode::Manual, JobBehavior::NeverReady)
    });
    let id = fixture.deploy(&build_git_deployment()).await?.deploy_id;
    let message = |message: &'static str| {
        move |found: &hearth_wire::components::Deployment| found.long_status == message
    };
    fixture.wait_for_deployment(id, "the message is set", message("the build is queued")).await?;
    fixture.services.change_state(|state| state.builds.end_newest(BuildStatus::BuildSuccess, "made"));
    let waiting =
        fixture.wait_for_deployment(id, "the message is set", message("it is being started")).await?;
    let messages: BTreeSet<_> = waiting.steps.iter().map(|step| step.message.as_str()).collect();
    assert!(messages.contains("8a1f0c3d5e7b") && messages.contains("web: ./serve"), "{messages:?}");
    fixture.services.change_state(|state| state.jobs.make_all_ready());
    assert_eq!(fixture.wait_for_end(id).await?.status, DeploymentState::Successful);
    Ok(())
}

async fn missing_deployment_is_not_found(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let calls = fixture.maintainer.components();
    let nothing = calls.show_latest(&fixture.tool).await.unwrap_err();
    assert_eq!((nothing.kind(), nothing.code()), (hearth_base::ErrorKind::NotFound, "no-such-deployment"));
    let unknown = "deployment_00000000000000000000000007".parse()?;
    for refused in [
        fixture.show_deployment(unknown).await,
        calls.cancel(&fixture.tool, unknown).await,
        calls.delete(&fixture.tool, unknown).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.code()),
            (hearth_base::ErrorKind::NotFound, "no-such-deployment")
        );
    }
    let get = axum::http::Method::GET;
    assert_eq!(ComponentsFixture::send(&fixture.viewer, get, "hello/deployment/nothing", None).await.0, 400);
    Ok(())
}

on_every_store!(
    deployment_takes_all_steps_and_creates_a_revision,
    second_deployment_creates_revision_2,
    deployment_of_an_image_skips_the_build,
    job_settings_other_than_image_and_command_stay,
    unchanged_job_is_restarted_only_with_force_run,
    list_continues_at_its_cursor,
    wait_for_a_change_ends_with_the_change,
    step_message_names_the_awaited_event,
    missing_deployment_is_not_found,
);
