//! A tool has one active deployment; others are refused, or wait.

use std::collections::BTreeSet;

use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{DeploymentCreateQuery, DeploymentId, DeploymentState, StepName},
};
use jiff::SignedDuration;

use crate::{
    neighbours::Pace,
    stage::{Stage, git, image, stage},
};

const WAITS: &str = "it waits for the tool's active deployment";

/// A deployment that is being built.
async fn one_is_active(stage: &Stage) -> Result<DeploymentId> {
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.at(id, StepName::Build).await?;
    Ok(id)
}

fn is_built(stage: &Stage) {
    stage.neighbours.change(|known| known.builds.end(BuildStatus::BuildSuccess, "made"));
}

async fn a_second_one_is_refused(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let first = one_is_active(&stage).await?;
    let refused = stage.deploy(&image("web-only")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "deployment-active"));
    assert_eq!(refused.next(), Some("wait for it, cancel it, or queue this one: queue=true"));
    // Another tool's place is its own, and the mandate that was not needed has ended.
    assert_eq!(stage.others_deploy().await?, DeploymentState::Successful);
    is_built(&stage);
    assert_eq!(stage.over(first).await?.status, DeploymentState::Successful);
    stage.settled(2).await
}

async fn one_that_waits_runs_as_soon_as_the_place_is_free(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let first = one_is_active(&stage).await?;
    let waiting = stage.queue(&image("web-only")).await?;
    assert_eq!((waiting.status, &*waiting.long_status), (DeploymentState::Pending, WAITS));
    is_built(&stage);
    assert_eq!(stage.over(first).await?.revision, Some(1));
    assert_eq!(stage.over(waiting.deploy_id).await?.revision, Some(2));
    Ok(())
}

async fn those_that_wait_run_in_order_whatever_becomes_of_those_before(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let first = one_is_active(&stage).await?;
    let fails = stage.queue(&image("work-only")).await?.deploy_id;
    let given_up = stage.queue(&image("web-only")).await?.deploy_id;
    let runs = stage.queue(&image("web-only")).await?.deploy_id;
    let runs_too = stage.queue(&image("web-only")).await?.deploy_id;
    let calls = stage.maintainer.components();
    calls.cancel(&stage.tool, given_up).await?;
    assert_eq!(stage.over(given_up).await?.status, DeploymentState::Cancelled);
    calls.cancel(&stage.tool, first).await?;
    assert_eq!(stage.over(runs_too).await?.revision, Some(2));
    assert_eq!(stage.shown(runs).await?.revision, Some(1));
    assert_eq!(stage.shown(fails).await?.status, DeploymentState::Failed);
    stage.settled(2).await
}

async fn one_that_waits_can_be_deleted(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let first = one_is_active(&stage).await?;
    let waiting = stage.queue(&git()).await?.deploy_id;
    stage.maintainer.components().delete(&stage.tool, waiting).await?;
    assert_eq!(stage.shown(waiting).await.unwrap_err().kind(), Kind::NotFound);
    is_built(&stage);
    stage.over(first).await?;
    stage.settled(1).await?;
    assert_eq!(stage.neighbours.known().builds.all.len(), 1);
    Ok(())
}

async fn ten_wait_at_most(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    one_is_active(&stage).await?;
    for _ in 0..10 {
        stage.queue(&git()).await?;
    }
    let refused = stage.queue(&git()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Exhausted, "deployment-queue"));
    Ok(())
}

/// How many of several that are asked for at once are accepted; all of these run, each once.
async fn at_once(stage: &Stage, queue: bool) -> Result<usize> {
    let query = DeploymentCreateQuery { queue, ..DeploymentCreateQuery::default() };
    let (create, many) = (image("web-only"), 0..6);
    let made = futures::future::join_all(many.map(|_| stage.deploy_as(&create, &query))).await;
    let ids: Vec<_> = made.into_iter().filter_map(|made| made.ok().map(|made| made.deploy_id)).collect();
    let mut revisions = BTreeSet::new();
    for id in &ids {
        revisions.extend(stage.over(*id).await?.revision);
    }
    assert_eq!(revisions.len(), ids.len());
    Ok(ids.len())
}

async fn of_many_at_once_one_is_active(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.change(|known| known.jobs.mood = crate::neighbours::Mood::Silent);
    let answers = stage.until_asked("GET jobs web runs", 1);
    let (accepted, answers) = tokio::join!(at_once(&stage, false), async {
        answers.await?;
        stage.neighbours.change(|known| known.jobs.answer());
        Ok::<_, hearth_base::Error>(())
    });
    answers?;
    assert_eq!(accepted?, 1);
    Ok(())
}

async fn many_at_once_that_may_wait_are_all_accepted(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    assert_eq!(at_once(&stage, true).await?, 6);
    Ok(())
}

async fn one_that_waits_holds_up_nobody_when_the_clock_was_set_back(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let first = one_is_active(&stage).await?;
    stage.stand.passes(SignedDuration::from_secs(-20));
    let waiting = stage.queue(&image("web-only")).await?.deploy_id;
    is_built(&stage);
    assert_eq!(stage.over(first).await?.revision, Some(1));
    assert_eq!(stage.over(waiting).await?.revision, Some(2));
    Ok(())
}

on_every_store!(
    a_second_one_is_refused,
    one_that_waits_runs_as_soon_as_the_place_is_free,
    those_that_wait_run_in_order_whatever_becomes_of_those_before,
    one_that_waits_can_be_deleted,
    ten_wait_at_most,
    of_many_at_once_one_is_active,
    many_at_once_that_may_wait_are_all_accepted,
    one_that_waits_holds_up_nobody_when_the_clock_was_set_back,
);
