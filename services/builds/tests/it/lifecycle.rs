//! Starting, cancelling, deleting, and how many there may be.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::builds::{BuildCreate, BuildCreateQuery, internal::LeaseEnd};
use http::Method;
use serde_json::json;

use crate::stage::{DIGEST, Stage, made, stage};

async fn as_many_builds_as_the_quota_says_wait_or_run(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let first = stage.start().await?;
    stage.start().await?;
    let refused = stage.start().await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (hearth_base::Kind::Conflict, "too-many-builds"));
    let create = BuildCreate { source_url: Some(stage.git.url("hello")), ..BuildCreate::default() };
    let queue = BuildCreateQuery { queue: true };
    stage.maintainer.builds().start(&stage.tool, &create, &queue).await?;
    stage.maintainer.builds().cancel(&stage.tool, first.name).await?;
    Ok(())
}

async fn many_at_once_never_exceed_the_quota(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let started = futures::future::join_all((0..6).map(|_| stage.start())).await;
    assert_eq!(started.iter().filter(|started| started.is_ok()).count(), 2, "{started:?}");
    Ok(())
}

async fn only_what_is_not_over_is_cancelled(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let cancel = format!("/tool/hello/builds/{build}/cancel");
    let (status, done) = Stage::send(&stage.maintainer, Method::PUT, &cancel, None).await;
    assert_eq!((status, &done["id"]), (200, &json!(build)));
    let (status, refused) = Stage::send(&stage.maintainer, Method::PUT, &cancel, None).await;
    assert_eq!((status, &refused["code"]), (409, &json!("build-not-running")));
    assert_eq!(stage.shown(build).await["status"], "BUILD_CANCELLED");
    // It was never begun: no builder hears of it.
    assert_eq!(stage.claim().await?, None);
    Ok(())
}

async fn cancelling_reaches_the_builder_and_wins(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let lease = stage.claim().await?.unwrap();
    assert!(!stage.beat(&lease).await?);
    stage.maintainer.builds().cancel(&stage.tool, build).await?;
    assert!(stage.beat(&lease).await?);
    // The image was ready all the same: nobody is told of it, and it is not kept.
    stage.finish(&lease, made()).await?;
    let shown = stage.shown(build).await;
    assert_eq!((&shown["status"], &shown["destination_image"]), (&json!("BUILD_CANCELLED"), &json!("")));
    until("the image to be given up", || async {
        Ok(stage.pinned().iter().any(|asked| asked.starts_with("DELETE")).then_some(()))
    })
    .await
}

async fn a_builder_that_waits_hears_of_a_cancellation_at_once(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let lease = stage.claim().await?.unwrap();
    let beat =
        hearth_wire::builds::internal::Beat { ticket: lease.ticket, step: None, message: None, wait: 20 };
    let calls = stage.builder.builds();
    let maintainer = stage.maintainer.builds();
    let (beaten, cancelled) = tokio::join!(calls.beat(build, &beat), maintainer.cancel(&stage.tool, build));
    cancelled?;
    assert!(beaten?.stop);
    Ok(())
}

async fn a_build_is_forgotten_only_when_it_is_over_and_its_image_with_it(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    let lease = stage.claim().await?.unwrap();
    let path = format!("/tool/hello/builds/{build}");
    let (status, refused) = Stage::send(&stage.maintainer, Method::DELETE, &path, None).await;
    assert_eq!((status, &refused["code"]), (409, &json!("build-runs")));
    stage.finish(&lease, made()).await?;
    let pin = format!("PUT /images/v1/internal/pins/builds%3A{build} ");
    let pinned = stage.pinned();
    assert!(pinned.iter().any(|asked| asked.starts_with(&pin) && asked.contains(DIGEST)), "{pinned:?}");
    let (status, done) = Stage::send(&stage.maintainer, Method::DELETE, &path, None).await;
    assert_eq!((status, &done["id"]), (200, &json!(build)));
    assert_eq!(Stage::send(&stage.viewer, Method::GET, &path, None).await.0, 404);
    until("the image to be given up", || async {
        Ok(stage.pinned().iter().any(|asked| asked.starts_with("DELETE")).then_some(()))
    })
    .await
}

async fn only_the_newest_builds_are_remembered(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut last = None;
    for _ in 0..5 {
        last = Some(stage.start().await?.name);
        let lease = stage.claim().await?.unwrap();
        stage.finish(&lease, LeaseEnd::Failed { message: "no".to_owned() }).await?;
        stage.stand.passes(jiff::SignedDuration::from_secs(1));
    }
    let builds = stage.viewer.builds().list(&stage.tool, &Default::default()).await?.builds;
    assert_eq!(builds.len(), 3);
    assert_eq!(Some(builds[0].build_id), last);
    stage.maintainer.builds().clean(&stage.tool).await?;
    assert!(stage.viewer.builds().list(&stage.tool, &Default::default()).await?.builds.is_empty());
    Ok(())
}

async fn another_tool_sees_nothing(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let build = stage.start().await?.name;
    for path in [format!("/tool/other/builds/{build}"), format!("/tool/other/builds/{build}/logs")] {
        assert_eq!(Stage::send(&stage.stranger, Method::GET, &path, None).await.0, 404);
    }
    let cancel = format!("/tool/other/builds/{build}/cancel");
    assert_eq!(Stage::send(&stage.stranger, Method::PUT, &cancel, None).await.0, 404);
    Ok(())
}

async fn a_list_goes_on_where_it_stopped(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let (first, second) = (stage.start().await?.name, stage.start().await?.name);
    let (_, page) = Stage::send(&stage.viewer, Method::GET, "/tool/hello/builds?limit=1", None).await;
    let next = page["next"].as_str().unwrap();
    let rest = format!("/tool/hello/builds?limit=1&cursor={next}");
    let (_, rest) = Stage::send(&stage.viewer, Method::GET, &rest, None).await;
    let mut seen = [page["builds"][0]["build_id"].clone(), rest["builds"][0]["build_id"].clone()];
    let mut known = [json!(first), json!(second)];
    seen.sort_by_key(ToString::to_string);
    known.sort_by_key(ToString::to_string);
    assert_eq!(seen, known);
    assert!(rest["next"].is_null());
    Ok(())
}

on_every_store!(
    as_many_builds_as_the_quota_says_wait_or_run,
    many_at_once_never_exceed_the_quota,
    only_what_is_not_over_is_cancelled,
    cancelling_reaches_the_builder_and_wins,
    a_builder_that_waits_hears_of_a_cancellation_at_once,
    a_build_is_forgotten_only_when_it_is_over_and_its_image_with_it,
    only_the_newest_builds_are_remembered,
    another_tool_sees_nothing,
    a_list_goes_on_where_it_stopped,
);
