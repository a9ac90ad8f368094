//! Retention of deployments and revisions, and their end with their tool.

use hearth_base::{Kind, Limit, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::{
    components::{DeploymentState, StepName},
    queue::QueueEntryState,
};

use crate::{
    neighbours::{Mood, Pace},
    stage::{git, image, stage},
};

async fn only_the_newest_revisions_keep_their_images(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.insert(0, stage.deployed(&git()).await?.deploy_id);
    }
    stage.settled(2).await?;
    let kept = until("older ones are let go of", async || {
        let kept: Vec<_> = stage.revisions().await?.iter().map(|revision| revision.kept).collect();
        Ok(Some(kept).filter(|kept| kept.iter().filter(|kept| **kept).count() == 2))
    })
    .await?;
    assert_eq!(kept, [true, true, false, false]);
    let known = stage.neighbours.known();
    for id in &ids[..2] {
        assert!(known.images.pins.contains_key(&format!("components:{id}")), "{:?}", known.images.pins);
    }
    Ok(())
}

async fn what_fails_takes_no_revisions_place(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let (first, second) = (stage.deployed(&git()).await?, stage.deployed(&git()).await?);
    stage.neighbours.change(|known| known.jobs.mood = Mood::Crashes);
    assert_eq!(stage.deployed(&git()).await?.still_running, Some(2));
    stage.settled(2).await?;
    let known = stage.neighbours.known();
    for id in [first.deploy_id, second.deploy_id] {
        assert!(known.images.pins.contains_key(&format!("components:{id}")), "{:?}", known.images.pins);
    }
    Ok(())
}

async fn nothing_is_left_of_a_tool_that_ends(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.deployed(&git()).await?;
    stage.others_deploy().await?;
    stage.neighbours.change(|known| known.builds.pace = Pace::Slow);
    let id = stage.deploy(&git()).await?.deploy_id;
    stage.queue(&git()).await?;
    stage.at(id, StepName::Build).await?;
    stage.neighbours.change(|known| known.accounts.end(stage.id));
    stage.until_known("the duty is done", |known| known.accounts.duties.is_empty()).await?;
    assert_eq!(stage.shown(id).await.unwrap_err().kind(), Kind::NotFound);
    let calls = stage.viewer.components();
    assert!(calls.list(&stage.tool, &Default::default()).await?.deployments.is_empty());
    assert!(stage.revisions().await?.is_empty());
    // What was under way does not come back, and others' is as it was.
    assert_eq!(stage.others_deploy().await?, DeploymentState::Successful);
    assert_eq!(stage.other.components().revision(&"other".parse()?, 2).await?.number, 2);
    assert_eq!(stage.neighbours.known().jobs.changes.len(), 2);
    let dead = Some(QueueEntryState::Dead);
    assert!(stage.stand.kit.queue()?.list(None, dead, Limit::default(), None).await?.items.is_empty());
    // Ids are never used again: nothing is created under this one any more.
    stage.neighbours.change(|known| known.builds.pace = Pace::Fast);
    assert_eq!(stage.deploy(&image("web-only")).await.unwrap_err().code(), "tool-deleted");
    Ok(())
}

on_every_store!(
    only_the_newest_revisions_keep_their_images,
    what_fails_takes_no_revisions_place,
    nothing_is_left_of_a_tool_that_ends,
);
