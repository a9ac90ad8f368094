//! Builds of a source that has not changed since its newest image.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Result};
use hearth_kit::db::Db;
use hearth_plan::RECIPES_VERSION;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::builds::{
    BuildCreate, BuildCreateQuery, BuildLogQuery,
    internal::{BuildInputs, BuildLeaseOutcome},
};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use serde_json::json;

use crate::fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, start_fixture};

const BASE_DIGEST: &str = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4";
const IMAGE_TAG: &str = "tool-hello/tool-hello:latest";

/// Starts the service, and makes the first image of the repository with the given recipes.
async fn start_with_image(db: Db, recipes: &str) -> Result<(BuildsFixture, BuildId)> {
    let fixture = start_fixture(db).await?;
    set_tag(&fixture, IMAGE_TAG, IMAGE_DIGEST);
    set_tag(&fixture, "python3.11", BASE_DIGEST);
    let first = fixture.start_build().await?.name;
    finish_with_inputs(&fixture, recipes, &[]).await?;
    Ok((fixture, first))
}

/// Ends the next build with an image that was made from `python3.11`, in the place of missing images.
async fn finish_with_inputs(fixture: &BuildsFixture, recipes: &str, missing: &[&str]) -> Result<()> {
    let lease = fixture.claim_lease().await?.unwrap();
    let images = BTreeMap::from([("python3.11".to_owned(), BASE_DIGEST.parse()?)]);
    let missing = missing.iter().map(|name| (*name).to_owned()).collect();
    let made = BuildInputs { recipes: recipes.to_owned(), images, missing, ..BuildInputs::default() };
    let mut end = build_success_end();
    if let BuildLeaseOutcome::Succeeded { inputs, .. } = &mut end {
        *inputs = Some(made);
    }
    fixture.finish_lease(&lease, end).await
}

fn set_tag(fixture: &BuildsFixture, name: &str, digest: &str) {
    fixture.tags.lock().unwrap().insert(name.to_owned(), digest.to_owned());
}

/// Starts a build with these parameters. Returns true if a builder has to run it, and cancels it then.
async fn must_be_built(
    fixture: &BuildsFixture,
    create: BuildCreate,
    query: BuildCreateQuery,
) -> Result<bool> {
    // Ids are in the order of time.
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    let source_url = Some(fixture.git.repository_url("hello"));
    let create = BuildCreate { source_url, ..create };
    let started = fixture.maintainer.builds().start(&fixture.tool, &create, &query).await?;
    let shown = fixture.show_build(started.name).await;
    let is_pending = shown["status"] == "BUILD_PENDING";
    if is_pending {
        fixture.maintainer.builds().cancel(&fixture.tool, started.name).await?;
    }
    assert_eq!(shown["reused_build"].is_null(), is_pending, "{shown}");
    Ok(is_pending)
}

async fn unchanged_source_gets_its_image_without_a_builder(db: Db) -> Result<()> {
    let (fixture, first) = start_with_image(db, RECIPES_VERSION).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    let second = fixture.start_build().await?.name;
    let shown = fixture.show_build(second).await;
    assert_eq!((&shown["status"], &shown["reused_build"]), (&json!("BUILD_SUCCESS"), &json!(first)));
    assert_eq!(
        shown["destination_image"],
        format!("hearth.example/tool-hello/tool-hello:latest@{IMAGE_DIGEST}")
    );
    assert_eq!(shown["processes"]["web"], "./serve");
    assert_eq!(fixture.claim_lease().await?, None);
    let pin = format!("PUT /images/v1/internal/pins/builds%3A{second} ");
    assert!(fixture.list_pin_requests().iter().any(|request| request.starts_with(&pin)));
    let query = BuildLogQuery { follow: true };
    let log = fixture.viewer.builds().stream_logs(&fixture.tool, second, &query).await?;
    let log = log.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&log).contains(&first.to_string()), "{log:?}");
    // A third build names the one that made the image.
    fixture.stand.advance_clock(SignedDuration::from_secs(1));
    let third = fixture.start_build().await?.name;
    assert_eq!(fixture.show_build(third).await["reused_build"], json!(first));
    Ok(())
}

async fn reused_image_is_pinned_until_its_build_is_deleted(db: Db) -> Result<()> {
    let (fixture, first) = start_with_image(db, RECIPES_VERSION).await?;
    let second = fixture.start_build().await?.name;
    // Past the task that unpins the image of a build that was not stored.
    fixture.stand.advance_clock(SignedDuration::from_mins(5));
    let unpins = |build: BuildId| {
        let unpin = format!("DELETE /images/v1/internal/pins/builds%3A{build}");
        fixture.list_pin_requests().iter().filter(|request| **request == unpin).count()
    };
    let delete = async |build: BuildId| {
        fixture.maintainer.builds().delete(&fixture.tool, build).await?;
        wait_until("the image to be unpinned", || async { Ok((unpins(build) == 1).then_some(())) }).await
    };
    delete(first).await?;
    assert_eq!(unpins(second), 0);
    delete(second).await
}

async fn changed_inputs_are_built(db: Db) -> Result<()> {
    let (fixture, _) = start_with_image(db, RECIPES_VERSION).await?;
    let (same, query) = (BuildCreate::default, BuildCreateQuery::default);
    assert!(!must_be_built(&fixture, same(), query()).await?);
    let envvars = Some(BTreeMap::from([("A".to_owned(), "b".to_owned())]));
    let image_name = Some("other".to_owned());
    for changed in [
        BuildCreate { envvars, ..same() },
        BuildCreate { image_name, ..same() },
        BuildCreate { folder: Some("backend".to_owned()), ..same() },
        BuildCreate { process: Some("worker".to_owned()), ..same() },
        BuildCreate { recipe: Some(hearth_wire::builds::RecipeChoice::Detected), ..same() },
    ] {
        assert!(must_be_built(&fixture, changed.clone(), query()).await?, "{changed:?}");
    }
    assert!(must_be_built(&fixture, same(), BuildCreateQuery { rebuild: true, ..query() }).await?);
    // The image has the process.
    let process = Some("web".to_owned());
    assert!(!must_be_built(&fixture, BuildCreate { process, ..same() }, query()).await?);
    for (name, former) in [("python3.11", BASE_DIGEST), (IMAGE_TAG, IMAGE_DIGEST)] {
        set_tag(&fixture, name, &format!("sha256:{}", "7".repeat(64)));
        assert!(must_be_built(&fixture, same(), query()).await?, "{name}");
        fixture.tags.lock().unwrap().remove(name);
        assert!(must_be_built(&fixture, same(), query()).await?, "{name} is unknown");
        set_tag(&fixture, name, former);
    }
    fixture.git.commit_files("hello", &[("Procfile", "web: ./other\n")])?;
    assert!(must_be_built(&fixture, same(), query()).await?);
    Ok(())
}

async fn image_with_a_replaced_base_is_used_until_the_wanted_one_exists(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    set_tag(&fixture, IMAGE_TAG, IMAGE_DIGEST);
    set_tag(&fixture, "python3.11", BASE_DIGEST);
    fixture.start_build().await?;
    finish_with_inputs(&fixture, RECIPES_VERSION, &["python3.13"]).await?;
    assert!(!must_be_built(&fixture, BuildCreate::default(), BuildCreateQuery::default()).await?);
    set_tag(&fixture, "python3.13", BASE_DIGEST);
    assert!(must_be_built(&fixture, BuildCreate::default(), BuildCreateQuery::default()).await?);
    Ok(())
}

async fn image_of_other_recipes_is_built_again(db: Db) -> Result<()> {
    let (fixture, _) = start_with_image(db, "0.1.0-other").await?;
    assert!(must_be_built(&fixture, BuildCreate::default(), BuildCreateQuery::default()).await?);
    Ok(())
}

async fn build_behind_an_open_one_is_not_answered_before_it(db: Db) -> Result<()> {
    let (fixture, _) = start_with_image(db, RECIPES_VERSION).await?;
    let source_url = Some(fixture.git.repository_url("hello"));
    let other = BuildCreate { source_url, image_name: Some("other".to_owned()), ..BuildCreate::default() };
    fixture.maintainer.builds().start(&fixture.tool, &other, &BuildCreateQuery::default()).await?;
    assert!(must_be_built(&fixture, BuildCreate::default(), BuildCreateQuery::default()).await?);
    Ok(())
}

on_every_store!(
    unchanged_source_gets_its_image_without_a_builder,
    reused_image_is_pinned_until_its_build_is_deleted,
    changed_inputs_are_built,
    image_with_a_replaced_base_is_used_until_the_wanted_one_exists,
    image_of_other_recipes_is_built_again,
    build_behind_an_open_one_is_not_answered_before_it,
);
