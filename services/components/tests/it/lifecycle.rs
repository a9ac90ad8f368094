//! From a source to a revision, and looking at it on the way.

use std::collections::BTreeSet;

use hearth_base::{Limit, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{
        BuildState, DeploymentCreate, DeploymentCreateQuery, DeploymentQuery, DeploymentState, RunState,
        StepName, StepState,
    },
    jobs::JobType,
    reply::Paging,
};

use crate::{
    neighbours::{Mood, Pace},
    stage::{Stage, git, image, stage, step},
};

async fn a_deployment_goes_through_all_its_steps_and_leaves_a_revision(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let create = DeploymentCreate { description: "the first".to_owned(), ..git() };
    let done = stage.deployed(&create).await?;
    assert_eq!((done.status, done.revision), (DeploymentState::Successful, Some(1)), "{done:?}");
    assert_eq!((&*done.long_status, &*done.by), ("revision 1 runs", "user somebody"));
    assert_eq!(done.url.as_deref(), Some("http://hello.localhost:8080"));
    let steps: Vec<_> = done.steps.iter().map(|step| (step.name, step.state)).collect();
    assert_eq!(steps, StepName::ALL.map(|name| (name, StepState::Done)));
    assert!(done.steps.iter().all(|step| step.started.is_some() && step.ended.is_some()));
    let (build, run) = (&done.builds["web"], &done.runs["web"]);
    assert_eq!((build.build_status, run.run_status), (BuildState::Successful, RunState::Successful));
    let revision = stage.viewer.components().revision(&stage.tool, 1).await?;
    assert_eq!((revision.deployment, revision.kept), (done.deploy_id, true));
    assert_eq!((&*revision.description, &*revision.command), ("the first", "web"));
    assert!(revision.image.contains("@sha256:0101") && !revision.resolved_ref.is_empty(), "{revision:?}");
    let job = stage.job().unwrap();
    assert_eq!((job.kind(), job.port, job.publish), (JobType::Continuous, Some(8000), Some(true)));
    assert_eq!((job.imagename, job.cmd), (revision.image, "web".to_owned()));
    stage.settled(1).await
}

async fn the_next_one_is_revision_2(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    assert_eq!(stage.deployed(&git()).await?.revision, Some(2));
    let numbers: Vec<_> = stage.revisions().await?.iter().map(|revision| revision.number).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(stage.neighbours.known().jobs.job("web").unwrap().generation, 2);
    let missing = stage.viewer.components().revision(&stage.tool, 3).await.unwrap_err();
    assert_eq!(missing.public(), "there is no revision 3");
    Ok(())
}

async fn an_image_needs_no_build(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let create = DeploymentCreate { command: Some("./other".to_owned()), ..image("python3.11") };
    let create = DeploymentCreate { port: Some(9000), publish: Some(false), ..create };
    let done = stage.deployed(&create).await?;
    assert_eq!(done.status, DeploymentState::Successful, "{done:?}");
    assert_eq!((step(&done, StepName::Build), done.url), (Some(StepState::Skipped), None));
    assert_eq!(done.builds["web"].build_id, "no-build-needed");
    let job = stage.job().unwrap();
    assert_eq!((&*job.cmd, job.port, job.publish), ("./other", Some(9000), Some(false)));
    assert!(stage.neighbours.known().builds.all.is_empty());
    Ok(())
}

async fn what_a_job_has_beside_image_and_command_stays(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut spec = hearth_wire::jobs::JobCreate::new("web".parse()?, "python3.11", "./by-hand");
    (spec.continuous, spec.replicas, spec.memory) = (Some(true), Some(2), Some("1Gi".parse()?));
    stage.neighbours.change(|known| known.jobs.made(&spec));
    assert_eq!(stage.deployed(&git()).await?.status, DeploymentState::Successful);
    let job = stage.job().unwrap();
    assert_eq!((job.replicas, job.memory), (spec.replicas, spec.memory));
    Ok(())
}

async fn what_is_the_same_already_is_restarted_only_when_asked(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for force_run in [false, false, true] {
        let query = DeploymentCreateQuery { force_run, ..DeploymentCreateQuery::default() };
        let made = stage.deploy_as(&image("web-only"), &query).await?;
        assert_eq!(stage.over(made.deploy_id).await?.status, DeploymentState::Successful);
    }
    let known = stage.neighbours.known();
    assert_eq!((known.jobs.changes.len(), known.jobs.restarts), (1, 1));
    Ok(())
}

async fn a_list_goes_on_where_it_stopped(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, stage.deployed(&image("web-only")).await?.deploy_id);
    }
    let calls = stage.viewer.components();
    let mut paging = Paging { limit: Limit::new(2)?, cursor: None };
    let first = calls.list(&stage.tool, &paging).await?;
    paging.cursor = first.next;
    let rest = calls.list(&stage.tool, &paging).await?;
    assert_eq!(rest.next, None);
    let seen = first.deployments.iter().chain(&rest.deployments).map(|found| found.deploy_id);
    assert_eq!(seen.collect::<Vec<_>>(), made);
    assert_eq!(calls.latest(&stage.tool).await?.deploy_id, made[0]);
    paging.cursor = None;
    let first = calls.revisions(&stage.tool, &paging).await?;
    paging.cursor = first.next;
    let rest = calls.revisions(&stage.tool, &paging).await?;
    let seen: Vec<_> = first.revisions.iter().chain(&rest.revisions).map(|found| found.number).collect();
    assert_eq!((seen, rest.next), (vec![3, 2, 1], None));
    Ok(())
}

async fn waiting_for_a_change_ends_with_the_change(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    let at = stage.at(id, StepName::Build).await?;
    let at = stage
        .until(id, "it says so", |found| found.long_status.contains("turn"))
        .await?
        .version
        .max(at.version);
    let query = DeploymentQuery { wait: Some(25), after: Some(at) };
    let calls = stage.viewer.components();
    let (news, ()) = tokio::join!(calls.show(&stage.tool, id, &query), async {
        stage.neighbours.change(|known| known.builds.end(BuildStatus::BuildSuccess, "made"));
    });
    assert!(news?.version > at);
    let until_over = DeploymentQuery { wait: Some(25), after: None };
    assert_eq!(calls.show(&stage.tool, id, &until_over).await?.status, DeploymentState::Successful);
    Ok(())
}

async fn every_step_says_what_it_waits_for(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.change(|known| (known.builds.pace, known.jobs.mood) = (Pace::Slow, Mood::Silent));
    let id = stage.deploy(&git()).await?.deploy_id;
    let said =
        |said: &'static str| move |found: &hearth_wire::components::Deployment| found.long_status == said;
    stage.until(id, "it is told", said("it waits for its turn")).await?;
    stage.neighbours.change(|known| known.builds.end(BuildStatus::BuildSuccess, "made"));
    let told = stage.until(id, "it is told", said("it is being started")).await?;
    let messages: BTreeSet<_> = told.steps.iter().map(|step| step.message.as_str()).collect();
    assert!(messages.contains("8a1f0c3d5e7b") && messages.contains("web: ./serve"), "{messages:?}");
    stage.neighbours.change(|known| known.jobs.answer());
    assert_eq!(stage.over(id).await?.status, DeploymentState::Successful);
    Ok(())
}

async fn what_is_not_there_is_not_found(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let calls = stage.maintainer.components();
    let nothing = calls.latest(&stage.tool).await.unwrap_err();
    assert_eq!((nothing.kind(), nothing.code()), (hearth_base::Kind::NotFound, "no-such-deployment"));
    let unknown = "deployment_00000000000000000000000007".parse()?;
    for refused in [
        stage.shown(unknown).await,
        calls.cancel(&stage.tool, unknown).await,
        calls.delete(&stage.tool, unknown).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (hearth_base::Kind::NotFound, "no-such-deployment"));
    }
    let get = axum::http::Method::GET;
    assert_eq!(Stage::send(&stage.viewer, get, "hello/deployment/nothing", None).await.0, 400);
    Ok(())
}

on_every_store!(
    a_deployment_goes_through_all_its_steps_and_leaves_a_revision,
    the_next_one_is_revision_2,
    an_image_needs_no_build,
    what_a_job_has_beside_image_and_command_stays,
    what_is_the_same_already_is_restarted_only_when_asked,
    a_list_goes_on_where_it_stopped,
    waiting_for_a_change_ends_with_the_change,
    every_step_says_what_it_waits_for,
    what_is_not_there_is_not_found,
);
