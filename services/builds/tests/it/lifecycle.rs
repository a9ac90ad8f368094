//! Start, cancellation, deletion and limits of builds.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::builds::{BuildCreate, BuildCreateQuery, internal::BuildLeaseOutcome};
use http::Method;
use serde_json::json;

use crate::fixture::{BuildsFixture, IMAGE_DIGEST, build_success_end, start_fixture};

async fn open_builds_are_limited_by_the_quota(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let first = fixture.start_build().await?;
    fixture.start_build().await?;
    let refused = fixture.start_build().await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (hearth_base::ErrorKind::Conflict, "too-many-builds"));
    let create =
        BuildCreate { source_url: Some(fixture.git.repository_url("hello")), ..BuildCreate::default() };
    let queue = BuildCreateQuery { queue: true, ..BuildCreateQuery::default() };
    fixture.maintainer.builds().start(&fixture.tool, &create, &queue).await?;
    fixture.maintainer.builds().cancel(&fixture.tool, first.name).await?;
    Ok(())
}

async fn concurrent_starts_never_exceed_the_quota(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let started = futures::future::join_all((0..6).map(|_| fixture.start_build())).await;
    assert_eq!(started.iter().filter(|started| started.is_ok()).count(), 2, "{started:?}");
    Ok(())
}

async fn cancel_of_a_finished_build_is_refused(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let cancel = format!("/tool/hello/builds/{build}/cancel");
    let (status, done) = BuildsFixture::send(&fixture.maintainer, Method::PUT, &cancel, None).await;
    assert_eq!((status, &done["id"]), (200, &json!(build)));
    let (status, refused) = BuildsFixture::send(&fixture.maintainer, Method::PUT, &cancel, None).await;
    assert_eq!((status, &refused["code"]), (409, &json!("build-not-running")));
    assert_eq!(fixture.show_build(build).await["status"], "BUILD_CANCELLED");
    // The build was never leased: no builder gets it.
    assert_eq!(fixture.claim_lease().await?, None);
    Ok(())
}

async fn cancellation_stops_the_builder_and_discards_its_image(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    assert!(!fixture.heartbeat(&lease).await?);
    fixture.maintainer.builds().cancel(&fixture.tool, build).await?;
    assert!(fixture.heartbeat(&lease).await?);
    // The builder pushed the image all the same: it is not published, and is unpinned.
    fixture.finish_lease(&lease, build_success_end()).await?;
    let shown = fixture.show_build(build).await;
    assert_eq!((&shown["status"], &shown["destination_image"]), (&json!("BUILD_CANCELLED"), &json!("")));
    wait_until("the image to be unpinned", || async {
        Ok(fixture.list_pin_requests().iter().any(|request| request.starts_with("DELETE")).then_some(()))
    })
    .await
}

async fn waiting_heartbeat_returns_at_cancellation(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let beat = hearth_wire::builds::internal::BuildHeartbeat {
        ticket: lease.ticket,
        step: None,
        message: None,
        wait: 20,
    };
    let calls = fixture.builder.builds();
    let maintainer = fixture.maintainer.builds();
    let (beaten, cancelled) =
        tokio::join!(calls.heartbeat(build, &beat), maintainer.cancel(&fixture.tool, build));
    cancelled?;
    assert!(beaten?.stop);
    Ok(())
}

async fn only_finished_builds_are_deleted_with_their_pins(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    let lease = fixture.claim_lease().await?.unwrap();
    let path = format!("/tool/hello/builds/{build}");
    let (status, refused) = BuildsFixture::send(&fixture.maintainer, Method::DELETE, &path, None).await;
    assert_eq!((status, &refused["code"]), (409, &json!("build-runs")));
    fixture.finish_lease(&lease, build_success_end()).await?;
    let pin = format!("PUT /images/v1/internal/pins/builds%3A{build} ");
    let pinned = fixture.list_pin_requests();
    assert!(
        pinned.iter().any(|request| request.starts_with(&pin) && request.contains(IMAGE_DIGEST)),
        "{pinned:?}"
    );
    let (status, done) = BuildsFixture::send(&fixture.maintainer, Method::DELETE, &path, None).await;
    assert_eq!((status, &done["id"]), (200, &json!(build)));
    assert_eq!(BuildsFixture::send(&fixture.viewer, Method::GET, &path, None).await.0, 404);
    wait_until("the image to be unpinned", || async {
        Ok(fixture.list_pin_requests().iter().any(|request| request.starts_with("DELETE")).then_some(()))
    })
    .await
}

async fn only_the_newest_builds_are_retained(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let mut last = None;
    for _ in 0..5 {
        last = Some(fixture.start_build().await?.name);
        let lease = fixture.claim_lease().await?.unwrap();
        fixture.finish_lease(&lease, BuildLeaseOutcome::Failed { message: "no".to_owned() }).await?;
        fixture.stand.advance_clock(jiff::SignedDuration::from_secs(1));
    }
    let builds = fixture.viewer.builds().list(&fixture.tool, &Default::default()).await?.builds;
    assert_eq!(builds.len(), 3);
    assert_eq!(Some(builds[0].build_id), last);
    fixture.maintainer.builds().delete_finished(&fixture.tool).await?;
    assert!(fixture.viewer.builds().list(&fixture.tool, &Default::default()).await?.builds.is_empty());
    Ok(())
}

async fn builds_are_hidden_from_other_tools(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let build = fixture.start_build().await?.name;
    for path in [format!("/tool/other/builds/{build}"), format!("/tool/other/builds/{build}/logs")] {
        assert_eq!(BuildsFixture::send(&fixture.stranger, Method::GET, &path, None).await.0, 404);
    }
    let cancel = format!("/tool/other/builds/{build}/cancel");
    assert_eq!(BuildsFixture::send(&fixture.stranger, Method::PUT, &cancel, None).await.0, 404);
    Ok(())
}

async fn list_continues_at_its_cursor(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (first, second) = (fixture.start_build().await?.name, fixture.start_build().await?.name);
    let (_, page) =
        BuildsFixture::send(&fixture.viewer, Method::GET, "/tool/hello/builds?limit=1", None).await;
    let next = page["next"].as_str().unwrap();
    let rest = format!("/tool/hello/builds?limit=1&cursor={next}");
    let (_, rest) = BuildsFixture::send(&fixture.viewer, Method::GET, &rest, None).await;
    let mut actual = [page["builds"][0]["build_id"].clone(), rest["builds"][0]["build_id"].clone()];
    let mut expected = [json!(first), json!(second)];
    actual.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(actual, expected);
    assert!(rest["next"].is_null());
    Ok(())
}

on_every_store!(
    open_builds_are_limited_by_the_quota,
    concurrent_starts_never_exceed_the_quota,
    cancel_of_a_finished_build_is_refused,
    cancellation_stops_the_builder_and_discards_its_image,
    waiting_heartbeat_returns_at_cancellation,
    only_finished_builds_are_deleted_with_their_pins,
    only_the_newest_builds_are_retained,
    builds_are_hidden_from_other_tools,
    list_continues_at_its_cursor,
);
