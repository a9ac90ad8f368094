//! Places of waiting builds in the queue, and the expected wait.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{builds::BuildQueuePlace, reply::Paging};
use jiff::SignedDuration;

use crate::fixture::{BuildsFixture, FixtureTool, build_success_end, start_fixture};

/// Shows the places of a tool's builds, the newest first.
async fn list_places(tool: &FixtureTool) -> Result<Vec<Option<(u32, Option<u64>)>>> {
    let listed = tool.maintainer.builds().list(&tool.name, &Paging::default()).await?;
    let place = |at: BuildQueuePlace| (at.position, at.expected_wait);
    Ok(listed.builds.into_iter().map(|build| build.queue.map(place)).collect())
}

/// Builds once, so that the tool has a past build of 40 seconds.
async fn build_in_40_seconds(fixture: &BuildsFixture, tool: &FixtureTool) -> Result<()> {
    let builder = fixture.create_builder("one");
    fixture.start_build_of(tool).await?;
    let lease = fixture.claim_lease_with(&builder).await?.unwrap();
    fixture.stand.advance_clock(SignedDuration::from_secs(20));
    fixture.heartbeat(&lease).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(20));
    fixture.finish_lease(&lease, build_success_end()).await
}

async fn waiting_build_shows_its_place_and_the_expected_wait(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (one, two) = (fixture.add_tool("one")?, fixture.add_tool("two")?);
    build_in_40_seconds(&fixture, &one).await?;
    fixture.start_build_of(&one).await?;
    let builder = fixture.create_builder("one");
    fixture.claim_lease_with(&builder).await?.unwrap();
    fixture.stand.advance_clock(SignedDuration::from_secs(10));
    fixture.start_build_of(&two).await?;
    fixture.start_build_of(&one).await?;
    // The running build has 30 seconds left; then the other tool builds, for as long as builds took so far.
    assert_eq!(list_places(&two).await?, [Some((1, Some(30)))]);
    assert_eq!(list_places(&one).await?, [Some((2, Some(70))), None, None]);
    Ok(())
}

async fn expected_wait_is_unknown_without_a_builder(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let tool = fixture.add_tool("tool")?;
    fixture.start_build_of(&tool).await?;
    fixture.start_build_of(&tool).await?;
    assert_eq!(list_places(&tool).await?, [Some((2, None)), Some((1, None))]);
    Ok(())
}

on_every_store!(
    waiting_build_shows_its_place_and_the_expected_wait,
    expected_wait_is_unknown_without_a_builder,
);
