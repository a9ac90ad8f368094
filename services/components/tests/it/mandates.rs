//! Whoever asked for a deployment must still have the right at each of its steps.

use hearth_base::{Access, Result, Role};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{builds::BuildStatus, components::DeploymentState};

use crate::{
    neighbours::{Mood, Pace},
    stage::{git, image, stage},
};

const LOST: &str = "somebody may not work on hello any more";

async fn a_mandate_is_for_no_more_than_the_steps_need(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let services = |of: &[Role]| {
        let known = stage.neighbours.known();
        let (_, mandate) = known.accounts.mandates.iter().find(|(_, mandate)| !mandate.ended).unwrap();
        let all = [Role::Accounts, Role::Builds, Role::Envvars, Role::Images, Role::Jobs, Role::Logs];
        let given: Vec<_> =
            all.into_iter().filter_map(|role| Some((role, mandate.scopes.access(role)?))).collect();
        assert_eq!(given, of.iter().map(|role| (*role, Access::Write)).collect::<Vec<_>>());
    };
    stage.neighbours.change(|known| known.jobs.mood = Mood::Silent);
    let id = stage.deploy(&image("web-only")).await?.deploy_id;
    services(&[Role::Jobs]);
    stage.maintainer.components().cancel(&stage.tool, id).await?;
    stage.settled(0).await?;
    stage.deploy(&git()).await?;
    services(&[Role::Builds, Role::Jobs]);
    Ok(())
}

async fn a_right_that_is_lost_while_it_is_built_ends_a_deployment(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.until_asked("GET builds * logs", 1).await?;
    stage.neighbours.change(|known| {
        known.accounts.right_lost = true;
        known.builds.end(BuildStatus::BuildSuccess, "made");
    });
    let failed = stage.over(id).await?;
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("mandate-lost")));
    assert!(failed.long_status.starts_with(LOST), "{}", failed.long_status);
    assert_eq!((failed.still_running, stage.neighbours.known().jobs.changes.len()), (Some(1), 1));
    stage.settled(1).await
}

async fn a_right_that_is_lost_between_build_and_start_changes_no_job(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.always("GET images resolve", crate::neighbours::AWAY);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.until_asked("GET images resolve", 1).await?;
    stage.neighbours.change(|known| known.accounts.right_lost = true);
    stage.neighbours.are_well();
    let failed = stage.over_in_time(id).await?;
    assert_eq!((failed.status, &*failed.long_status), (DeploymentState::Failed, LOST));
    assert_eq!(stage.job(), None);
    stage.settled(0).await
}

async fn a_right_that_is_lost_after_the_start_is_told_with_what_is_left(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.change(|known| known.jobs.mood = Mood::Silent);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.until_asked("GET jobs web runs", 1).await?;
    stage.neighbours.change(|known| known.accounts.right_lost = true);
    let failed = stage.over(id).await?;
    assert_eq!((failed.status, failed.code.as_deref()), (DeploymentState::Failed, Some("mandate-lost")));
    let said: Vec<_> = failed.long_status.lines().collect();
    assert_eq!(said[0], LOST);
    assert!(said[1].starts_with("What it had begun could not be taken back: "), "{said:?}");
    assert!(stage.revisions().await?.is_empty());
    stage.settled(0).await
}

on_every_store!(
    a_mandate_is_for_no_more_than_the_steps_need,
    a_right_that_is_lost_while_it_is_built_ends_a_deployment,
    a_right_that_is_lost_between_build_and_start_changes_no_job,
    a_right_that_is_lost_after_the_start_is_told_with_what_is_left,
);
