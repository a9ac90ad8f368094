//! Uploads of folders to build.

use hearth_base::Result;
use hearth_client::box_body;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::{
    BuildCreate, BuildCreateQuery,
    internal::{BuildLeaseOutcome, BuildLeaseSource},
};
use http::Method;
use http_body_util::{BodyExt, Full};
use jiff::SignedDuration;
use serde_json::json;

use crate::fixture::{BuildsFixture, start_fixture};

fn build_archive(size: usize) -> hearth_client::Body {
    box_body(Full::new(vec![7; size].into()))
}

async fn upload_reaches_the_builder_unchanged(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let source = fixture.maintainer.builds().upload(&fixture.tool, build_archive(70_000)).await?;
    assert_eq!(source.size, 70_000);
    let create = BuildCreate { upload: Some(source.id), ..BuildCreate::default() };
    let query = BuildCreateQuery::default();
    let new = fixture.maintainer.builds().start(&fixture.tool, &create, &query).await?;
    assert_eq!(new.resolved_ref, source.digest);
    let lease = fixture.claim_lease().await?.unwrap();
    let BuildLeaseSource::Upload { id, digest, size } = &lease.source else { unreachable!() };
    assert_eq!((*id, digest, *size), (source.id, &source.digest, 70_000));
    let content =
        fixture.builder.builds().open_source(*id).await?.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(content, vec![7; 70_000]);
    fixture.finish_lease(&lease, BuildLeaseOutcome::Failed { message: "no".to_owned() }).await
}

async fn uploads_over_the_limits_are_refused(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let refused =
        fixture.maintainer.builds().upload(&fixture.tool, build_archive(100_001)).await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (hearth_base::ErrorKind::TooLarge, "source-too-large"));
    for _ in 0..8 {
        fixture.maintainer.builds().upload(&fixture.tool, build_archive(100_000)).await?;
    }
    let refused = fixture.maintainer.builds().upload(&fixture.tool, build_archive(1)).await.err().unwrap();
    assert_eq!(refused.code(), "uploads-full");
    Ok(())
}

async fn number_of_uploads_of_a_tool_is_limited(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    for _ in 0..20 {
        fixture.maintainer.builds().upload(&fixture.tool, build_archive(1)).await?;
    }
    let refused = fixture.maintainer.builds().upload(&fixture.tool, build_archive(1)).await.err().unwrap();
    assert_eq!(refused.code(), "uploads-full");
    fixture.stranger.builds().upload(&"other".parse()?, build_archive(1)).await?;
    fixture.stand.advance_clock(SignedDuration::from_hours(25));
    hearth_testkit::wait_until("the uploads to expire", || async {
        Ok(fixture.maintainer.builds().upload(&fixture.tool, build_archive(1)).await.ok())
    })
    .await?;
    Ok(())
}

async fn upload_of_another_tool_is_not_found(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let theirs = fixture.stranger.builds().upload(&"other".parse()?, build_archive(10)).await?;
    let create = json!({"upload": theirs.id});
    let (status, refused) =
        BuildsFixture::send(&fixture.maintainer, Method::POST, "/tool/hello/builds", Some(create)).await;
    assert_eq!((status, &refused["code"]), (400, &json!("no-such-source")));
    let both = json!({"upload": theirs.id, "source_url": fixture.git.repository_url("hello")});
    let (status, refused) =
        BuildsFixture::send(&fixture.maintainer, Method::POST, "/tool/hello/builds", Some(both)).await;
    assert_eq!((status, &refused["code"]), (400, &json!("two-sources")));
    Ok(())
}

async fn upload_is_deleted_a_day_after_its_last_use(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let source = fixture.maintainer.builds().upload(&fixture.tool, build_archive(10)).await?;
    fixture.stand.advance_clock(SignedDuration::from_hours(20));
    let create = BuildCreate { upload: Some(source.id), ..BuildCreate::default() };
    let query = BuildCreateQuery::default();
    fixture.maintainer.builds().start(&fixture.tool, &create, &query).await?;
    fixture.stand.advance_clock(SignedDuration::from_hours(20));
    assert!(fixture.builder.builds().open_source(source.id).await.is_ok());
    fixture.stand.advance_clock(SignedDuration::from_hours(5));
    hearth_testkit::wait_until("the upload to be deleted", || async {
        Ok(fixture.builder.builds().open_source(source.id).await.is_err().then_some(()))
    })
    .await
}

async fn archive_is_readable_by_the_builder_only(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let source = fixture.maintainer.builds().upload(&fixture.tool, build_archive(10)).await?;
    for client in [&fixture.maintainer, &fixture.jobs] {
        let path = format!("/internal/sources/{}", source.id);
        assert_eq!(BuildsFixture::send(client, Method::GET, &path, None).await.0, 403);
    }
    Ok(())
}

on_every_store!(
    upload_reaches_the_builder_unchanged,
    uploads_over_the_limits_are_refused,
    number_of_uploads_of_a_tool_is_limited,
    upload_of_another_tool_is_not_found,
    upload_is_deleted_a_day_after_its_last_use,
    archive_is_readable_by_the_builder_only,
);
