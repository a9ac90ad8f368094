//! The service is killed, at every point where that makes a difference.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    builds::BuildStatus,
    components::{DeploymentState, StepName},
};
use jiff::SignedDuration;

use crate::{
    neighbours::{Mood, Pace, Then},
    stage::{git, stage},
};

/// Deploys again and again, each time killed one call later, until a deployment gets through before that.
async fn killed_at_each_call(db: Db, then: Then) -> Result<()> {
    let mut stage = stage(db).await?;
    for calls in 0.. {
        let number = calls + 1;
        stage.neighbours.end_caller_after(calls, then);
        let id = stage.deploy(&git()).await?.deploy_id;
        let through = tokio::select! {
            () = stage.neighbours.ended.notified() => false,
            done = stage.settled(number.min(2)) => done.is_ok(),
        };
        stage.dies().await;
        stage.neighbours.are_well();
        stage.comes_back().await?;
        let done = stage.over(id).await?;
        stage.settled(number.min(2)).await?;
        assert_eq!(done.status, DeploymentState::Successful, "killed after {calls} calls: {done:?}");
        assert_eq!(done.revision, u32::try_from(number).ok(), "killed after {calls} calls");
        let known = stage.neighbours.known();
        assert_eq!(known.builds.all.len(), number, "killed after {calls} calls, one more build is made");
        assert_eq!(known.jobs.changes.len(), number, "killed after {calls} calls, the job is changed once");
        if through {
            assert!(calls > 12, "a deployment asks more than {calls} times");
            return Ok(());
        }
    }
    Ok(())
}

async fn a_deployment_that_is_killed_before_any_call_goes_on(db: Db) -> Result<()> {
    killed_at_each_call(db, Then::MissCaller).await
}

async fn a_deployment_that_is_killed_after_any_call_goes_on_and_doubles_nothing(db: Db) -> Result<()> {
    killed_at_each_call(db, Then::OutliveCaller).await
}

/// Cancels what is being started again and again, each time killed one call later.
async fn a_cancellation_that_is_killed_at_any_call_goes_on(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.neighbours.change(|known| known.jobs.mood = Mood::Silent);
    for (calls, then) in (0..10).flat_map(|calls| [(calls, Then::MissCaller), (calls, Then::OutliveCaller)]) {
        let id = stage.deploy(&git()).await?.deploy_id;
        stage.at(id, StepName::Switch).await?;
        stage.maintainer.components().cancel(&stage.tool, id).await?;
        stage.neighbours.end_caller_after(calls, then);
        tokio::select! {
            () = stage.neighbours.ended.notified() => {}
            settled = stage.settled(0) => settled?,
        };
        stage.dies().await;
        stage.neighbours.are_well();
        stage.comes_back().await?;
        let over = stage.over(id).await?;
        assert_eq!(over.status, DeploymentState::Cancelled, "killed after {calls} calls: {over:?}");
        stage.settled(0).await?;
        assert_eq!(stage.job(), None, "killed after {calls} calls");
    }
    Ok(())
}

async fn a_deployment_that_is_cancelled_while_nobody_works_is_taken_back_by_the_next_life(
    db: Db,
) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.neighbours.change(|known| known.jobs.mood = Mood::Silent);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.at(id, StepName::Switch).await?;
    stage.dies().await;
    let cancelled = stage.maintainer.components().cancel(&stage.tool, id).await?;
    assert_eq!(cancelled.status, DeploymentState::Cancelling);
    stage.comes_back().await?;
    assert_eq!(stage.over(id).await?.status, DeploymentState::Cancelled);
    stage.settled(0).await
}

async fn a_service_that_stops_in_good_order_goes_on_where_it_was(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.until_asked("GET builds * logs", 1).await?;
    assert!(stage.stand.stop_workers().await, "workers end when they are told to");
    stage.neighbours.change(|known| known.builds.end(BuildStatus::BuildSuccess, "made"));
    stage.comes_back().await?;
    assert_eq!(stage.over(id).await?.revision, Some(1));
    assert_eq!(stage.neighbours.known().builds.all.len(), 1);
    Ok(())
}

async fn what_a_worker_is_stuck_with_is_taken_over_when_its_lease_has_run_out(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for call in ["POST builds", "PUT images pins *", "PATCH jobs"] {
        stage.neighbours.next(1, call, Then::OutliveCaller);
        let id = stage.deploy(&git()).await?.deploy_id;
        stage.neighbours.ended.notified().await;
        stage.stand.passes(SignedDuration::from_secs(31));
        stage.others_deploy().await?;
        assert_eq!(stage.over(id).await?.status, DeploymentState::Successful, "stuck with {call}");
    }
    assert_eq!(stage.revisions().await?.len(), 3);
    let known = stage.neighbours.known();
    // The other tool's job is changed once, too.
    assert_eq!((known.builds.all.len(), known.jobs.changes.len()), (3, 4));
    Ok(())
}

on_every_store!(
    a_deployment_that_is_killed_before_any_call_goes_on,
    a_deployment_that_is_killed_after_any_call_goes_on_and_doubles_nothing,
    a_cancellation_that_is_killed_at_any_call_goes_on,
    a_deployment_that_is_cancelled_while_nobody_works_is_taken_back_by_the_next_life,
    a_service_that_stops_in_good_order_goes_on_where_it_was,
    what_a_worker_is_stuck_with_is_taken_over_when_its_lease_has_run_out,
);
