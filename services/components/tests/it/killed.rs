//! The service is killed, at every point where that makes a difference.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::components::DeploymentState;

use crate::{
    neighbours::Then,
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

on_every_store!(
    a_deployment_that_is_killed_before_any_call_goes_on,
    a_deployment_that_is_killed_after_any_call_goes_on_and_doubles_nothing,
);
