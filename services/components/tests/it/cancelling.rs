//! Taking deployments back, and forgetting them.

use axum::http::Method;
use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{BuildState, DeploymentState, RunState, StepName},
};

use crate::{
    neighbours::{AWAY, Mood, Pace, Then},
    stage::{Stage, git, image, stage},
};

/// A deployment that was begun and has come to this step, where it stays.
async fn halted_at(stage: &Stage, name: StepName) -> Result<hearth_wire::components::DeploymentId> {
    match name {
        StepName::Source => stage.neighbours.always("POST builds", AWAY),
        StepName::Build => stage.neighbours.change(|known| known.builds.pace = Pace::Slow),
        StepName::Check => stage.neighbours.always("GET images resolve", AWAY),
        StepName::Start => stage.neighbours.always("PATCH jobs", AWAY),
        StepName::Switch => stage.neighbours.change(|known| known.jobs.mood = Mood::Silent),
    }
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.at(id, name).await?;
    let call = match name {
        StepName::Source => "POST builds",
        StepName::Build => "GET builds * logs",
        StepName::Check => "GET images resolve",
        StepName::Start => "PATCH jobs",
        StepName::Switch => "GET jobs web runs",
    };
    stage.until_asked(call, 1).await?;
    stage.neighbours.are_well();
    Ok(id)
}

async fn cancelled_at(db: Db, name: StepName) -> Result<()> {
    let stage = stage(db).await?;
    let id = halted_at(&stage, name).await?;
    let cancelled = stage.maintainer.components().cancel(&stage.tool, id).await?;
    assert_eq!(cancelled.status, DeploymentState::Cancelling);
    let over = stage.over(id).await?;
    assert_eq!((over.status, &*over.long_status), (DeploymentState::Cancelled, "it was cancelled"));
    assert_eq!((over.code.as_deref(), over.revision), (Some("deployment-cancelled"), None));
    assert_eq!(over.runs["web"].run_status, RunState::Skipped);
    assert_eq!(stage.job(), None);
    stage.settled(0).await?;
    let known = stage.neighbours.known();
    let open = known.builds.all.iter().filter(|build| build.status == BuildStatus::BuildPending);
    assert_eq!(open.count(), 0);
    Ok(())
}

async fn at_its_source(db: Db) -> Result<()> {
    cancelled_at(db, StepName::Source).await
}

async fn at_its_build(db: Db) -> Result<()> {
    cancelled_at(db, StepName::Build).await
}

async fn at_its_check(db: Db) -> Result<()> {
    cancelled_at(db, StepName::Check).await
}

async fn at_its_start(db: Db) -> Result<()> {
    cancelled_at(db, StepName::Start).await
}

async fn at_its_switch(db: Db) -> Result<()> {
    cancelled_at(db, StepName::Switch).await
}

async fn an_image_that_was_kept_unheard_is_let_go_of(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.next(1, "PUT images pins *", Then::LoseAnswer);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.until_known("the image is kept", |known| known.images.pins.len() == 1).await?;
    stage.maintainer.components().cancel(&stage.tool, id).await?;
    assert_eq!(stage.over(id).await?.status, DeploymentState::Cancelled);
    stage.settled(0).await
}

async fn cancelled_twice_is_cancelled_once(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let id = halted_at(&stage, StepName::Build).await?;
    stage.neighbours.always("PUT builds * cancel", AWAY);
    let calls = stage.maintainer.components();
    for _ in 0..2 {
        assert_eq!(calls.cancel(&stage.tool, id).await?.status, DeploymentState::Cancelling);
    }
    let (status, _) =
        Stage::send(&stage.maintainer, Method::PUT, "hello/deployment/latest/cancel", None).await;
    assert_eq!(status, 200);
    stage.neighbours.are_well();
    let over = stage.over_in_time(id).await?;
    assert_eq!(over.builds["web"].build_status, BuildState::Cancelled);
    let refused = calls.cancel(&stage.tool, id).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "deployment-over"));
    Ok(())
}

async fn the_next_one_leaves_the_job_alone_until_all_is_taken_back(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    let first = stage.job();
    let id = halted_at(&stage, StepName::Switch).await?;
    stage.neighbours.always("PATCH jobs", AWAY);
    stage.neighbours.change(|known| known.jobs.mood = Mood::Answers);
    stage.maintainer.components().cancel(&stage.tool, id).await?;
    // The place is free at once.
    let next = stage.deploy(&git()).await?.deploy_id;
    let waits = "it waits until an earlier deployment is taken back";
    stage.until(next, "it waits", |found| found.long_status == waits).await?;
    stage.neighbours.are_well();
    assert_eq!(stage.over_in_time(id).await?.still_running, Some(1));
    assert_eq!(stage.over(next).await?.revision, Some(2));
    let known = stage.neighbours.known();
    assert_eq!(known.jobs.changes.len(), 4);
    assert_eq!(first.map(|job| job.imagename), Some(known.jobs.changes[2].imagename.clone()));
    Ok(())
}

async fn what_is_deleted_when_it_is_over_leaves_its_revision(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let id = stage.deployed(&git()).await?.deploy_id;
    stage.settled(1).await?;
    stage.maintainer.components().delete(&stage.tool, id).await?;
    assert_eq!(stage.shown(id).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(
        stage.maintainer.components().delete(&stage.tool, id).await.unwrap_err().kind(),
        Kind::NotFound
    );
    assert!(stage.revisions().await?[0].kept && stage.job().is_some());
    assert_eq!(stage.deployed(&git()).await?.revision, Some(2));
    stage.settled(2).await
}

async fn what_is_deleted_while_it_is_under_way_is_taken_back_first(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let id = halted_at(&stage, StepName::Switch).await?;
    let deleted = stage.maintainer.components().delete(&stage.tool, id).await?;
    assert_eq!(deleted.status, DeploymentState::Cancelling);
    for refused in [
        stage.shown(id).await.err(),
        stage.viewer.components().latest(&stage.tool).await.err(),
        stage.maintainer.components().cancel(&stage.tool, id).await.err(),
    ] {
        assert_eq!(refused.map(|refused| refused.kind()), Some(Kind::NotFound));
    }
    stage.settled(0).await?;
    assert_eq!(stage.job(), None);
    stage.neighbours.change(|known| known.jobs.mood = Mood::Answers);
    assert_eq!(stage.deployed(&image("web-only")).await?.status, DeploymentState::Successful);
    Ok(())
}

async fn what_is_deleted_before_all_is_settled_is_settled_all_the_same(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.always("DELETE images pins *", AWAY);
    stage.neighbours.change(|known| known.jobs.mood = Mood::Crashes);
    let id = stage.deployed(&git()).await?.deploy_id;
    stage.until_asked("DELETE images pins *", 1).await?;
    stage.maintainer.components().delete(&stage.tool, id).await?;
    assert_eq!(stage.shown(id).await.unwrap_err().kind(), Kind::NotFound);
    stage.neighbours.are_well();
    stage.settled(0).await
}

on_every_store!(
    at_its_source,
    at_its_build,
    at_its_check,
    at_its_start,
    at_its_switch,
    an_image_that_was_kept_unheard_is_let_go_of,
    cancelled_twice_is_cancelled_once,
    the_next_one_leaves_the_job_alone_until_all_is_taken_back,
    what_is_deleted_when_it_is_over_leaves_its_revision,
    what_is_deleted_while_it_is_under_way_is_taken_back_first,
    what_is_deleted_before_all_is_settled_is_settled_all_the_same,
);
