//! Builds in the hands of builders: one at a time for a tool, taken over, limited in time, finished once.

use hearth_base::{Clock, Entropy, Kind, LifeId, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::builds::{
    BuildQuery,
    internal::{Builder, LeaseEnd},
};
use jiff::SignedDuration;
use serde_json::json;

use crate::stage::{made, stage};

async fn a_tool_has_one_build_in_hand_at_a_time(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.start().await?;
    stage.start().await?;
    let first = stage.claim().await?.unwrap();
    assert_eq!(stage.claim().await?, None);
    stage.finish(&first, made()).await?;
    let second = stage.claim().await?.unwrap();
    assert_ne!(first.build, second.build);
    stage.finish(&second, made()).await?;
    assert_eq!(stage.claim().await?, None);
    Ok(())
}

async fn a_builder_that_was_started_again_goes_on_at_once(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.start().await?;
    let now = stage.stand.clock.now();
    let life = |seconds, place: &str| {
        let begun = now + SignedDuration::from_secs(seconds);
        Builder { place: place.to_owned(), life: LifeId::new(begun, &Entropy::System) }
    };
    let first = life(0, "here");
    let dead = stage.claim_as(&first).await?.unwrap();
    assert_eq!(stage.claim_as(&first).await?, None);
    assert_eq!(stage.claim_as(&life(1, "there")).await?, None);
    let heir = stage.claim_as(&life(1, "here")).await?.unwrap();
    assert_eq!((heir.build, heir.attempt), (dead.build, dead.attempt));
    assert_eq!(stage.beat(&dead).await.err().unwrap().code(), "lease-lost");
    stage.finish(&heir, made()).await
}

async fn a_build_whose_builder_dies_is_taken_over_with_the_same_attempt(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.start().await?;
    let dead = stage.claim().await?.unwrap();
    stage.stand.passes(SignedDuration::from_secs(20));
    stage.beat(&dead).await?;
    stage.stand.passes(SignedDuration::from_secs(20));
    assert_eq!(stage.claim().await?, None);
    stage.stand.passes(SignedDuration::from_secs(11));
    let heir = stage.claim().await?.unwrap();
    assert_eq!((heir.build, heir.attempt, heir.deadline), (dead.build, dead.attempt, dead.deadline));
    // Whatever the first one still says is refused.
    for refused in [
        stage.beat(&dead).await.map(|_| ()),
        stage.finish(&dead, made()).await,
        stage.finish(&dead, LeaseEnd::Failed { message: "late".to_owned() }).await,
    ] {
        let refused = refused.err().unwrap();
        assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "lease-lost"));
    }
    assert!(stage.pinned().is_empty());
    stage.finish(&heir, made()).await?;
    assert_eq!(stage.shown(heir.build).await["status"], "BUILD_SUCCESS");
    Ok(())
}

async fn a_build_is_finished_once(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.start().await?;
    let lease = stage.claim().await?.unwrap();
    stage.finish(&lease, made()).await?;
    let again = stage.finish(&lease, LeaseEnd::Failed { message: "no".to_owned() }).await.err().unwrap();
    assert_eq!(again.code(), "lease-lost");
    assert_eq!(stage.shown(lease.build).await["status"], "BUILD_SUCCESS");
    Ok(())
}

async fn what_is_no_fault_of_the_source_is_tried_again_a_few_times(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    for attempt in 1..=3 {
        let lease = stage.claim().await?.unwrap();
        assert_eq!((lease.build, lease.attempt), (build, attempt));
        stage.finish(&lease, LeaseEnd::Again { message: "The disk is full.".to_owned() }).await?;
        assert_eq!(stage.claim().await?, None);
        stage.stand.passes(SignedDuration::from_secs(60));
    }
    let shown = stage.shown(build).await;
    assert_eq!((&shown["status"], &shown["message"]), (&json!("BUILD_FAILURE"), &json!("The disk is full.")));
    Ok(())
}

async fn a_build_that_takes_too_long_ends_whatever_the_builder_does(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let lease = stage.claim().await?.unwrap();
    for _ in 0..65 {
        stage.stand.passes(SignedDuration::from_secs(28));
        stage.beat(&lease).await?;
    }
    until("the build to be over", || async {
        Ok((stage.shown(build).await["status"] == "BUILD_TIMEOUT").then_some(()))
    })
    .await?;
    assert!(stage.shown(build).await["message"].as_str().unwrap().contains("30 minutes"));
    assert!(stage.beat(&lease).await?);
    stage.finish(&lease, LeaseEnd::Stopped).await?;
    assert_eq!(stage.shown(build).await["status"], "BUILD_TIMEOUT");
    Ok(())
}

async fn what_was_cancelled_while_its_builder_was_dead_is_handed_out_to_be_stopped(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let dead = stage.claim().await?.unwrap();
    stage.maintainer.builds().cancel(&stage.tool, build).await?;
    let later = stage.start().await?.name;
    stage.stand.passes(SignedDuration::from_secs(31));
    let heir = stage.claim().await?.unwrap();
    assert_eq!((heir.build, heir.stop, dead.stop), (build, true, false));
    stage.finish(&heir, LeaseEnd::Stopped).await?;
    let next = stage.claim().await?.unwrap();
    assert_eq!((next.build, next.stop), (later, false));
    Ok(())
}

async fn whoever_waits_for_a_build_hears_of_its_end(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let lease = stage.claim().await?.unwrap();
    let query = BuildQuery { wait: Some(25) };
    let viewer = stage.viewer.builds();
    let (seen, finished) =
        tokio::join!(viewer.wait(&stage.tool, build, &query), stage.finish(&lease, made()));
    finished?;
    assert_eq!(seen?.status, hearth_wire::builds::BuildStatus::BuildSuccess);
    Ok(())
}

async fn a_ticket_of_ones_own_making_is_refused(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.start().await?;
    let lease = stage.claim().await?.unwrap();
    for ticket in ["", "x", "e30", "bnVsbA"] {
        let forged = hearth_wire::builds::internal::Lease { ticket: ticket.to_owned(), ..lease.clone() };
        assert!(stage.beat(&forged).await.is_err());
        assert!(stage.finish(&forged, made()).await.is_err());
    }
    assert_eq!(stage.shown(lease.build).await["status"], "BUILD_RUNNING");
    Ok(())
}

on_every_store!(
    a_tool_has_one_build_in_hand_at_a_time,
    a_builder_that_was_started_again_goes_on_at_once,
    a_build_whose_builder_dies_is_taken_over_with_the_same_attempt,
    a_build_is_finished_once,
    what_is_no_fault_of_the_source_is_tried_again_a_few_times,
    a_build_that_takes_too_long_ends_whatever_the_builder_does,
    what_was_cancelled_while_its_builder_was_dead_is_handed_out_to_be_stopped,
    whoever_waits_for_a_build_hears_of_its_end,
    a_ticket_of_ones_own_making_is_refused,
);
