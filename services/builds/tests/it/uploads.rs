//! Folders that are uploaded to be built.

use hearth_base::Result;
use hearth_client::body;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::builds::{
    BuildCreate, BuildCreateQuery,
    internal::{LeaseEnd, LeaseSource},
};
use http::Method;
use http_body_util::{BodyExt, Full};
use jiff::SignedDuration;
use serde_json::json;

use crate::stage::{Stage, stage};

fn archive(size: usize) -> hearth_client::Body {
    body(Full::new(vec![7; size].into()))
}

async fn an_upload_is_built_and_handed_to_the_builder_as_it_came(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let source = stage.maintainer.builds().upload(&stage.tool, archive(70_000)).await?;
    assert_eq!(source.size, 70_000);
    let create = BuildCreate { upload: Some(source.id), ..BuildCreate::default() };
    let query = BuildCreateQuery::default();
    let new = stage.maintainer.builds().start(&stage.tool, &create, &query).await?;
    assert_eq!(new.resolved_ref, source.digest);
    let lease = stage.claim().await?.unwrap();
    let LeaseSource::Upload { id, digest, size } = &lease.source else { unreachable!() };
    assert_eq!((*id, digest, *size), (source.id, &source.digest, 70_000));
    let content = stage.builder.builds().source(*id).await?.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(content, vec![7; 70_000]);
    stage.finish(&lease, LeaseEnd::Failed { message: "no".to_owned() }).await
}

async fn too_much_is_refused_whole(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let refused = stage.maintainer.builds().upload(&stage.tool, archive(100_001)).await.err().unwrap();
    assert_eq!((refused.kind(), refused.code()), (hearth_base::Kind::TooLarge, "source-too-large"));
    for _ in 0..8 {
        stage.maintainer.builds().upload(&stage.tool, archive(100_000)).await?;
    }
    let refused = stage.maintainer.builds().upload(&stage.tool, archive(1)).await.err().unwrap();
    assert_eq!(refused.code(), "uploads-full");
    Ok(())
}

async fn an_upload_of_another_tool_is_not_there(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let theirs = stage.stranger.builds().upload(&"other".parse()?, archive(10)).await?;
    let create = json!({"upload": theirs.id});
    let (status, refused) =
        Stage::send(&stage.maintainer, Method::POST, "/tool/hello/builds", Some(create)).await;
    assert_eq!((status, &refused["code"]), (400, &json!("no-such-source")));
    let both = json!({"upload": theirs.id, "source_url": stage.git.url("hello")});
    let (status, refused) =
        Stage::send(&stage.maintainer, Method::POST, "/tool/hello/builds", Some(both)).await;
    assert_eq!((status, &refused["code"]), (400, &json!("two-sources")));
    Ok(())
}

async fn an_upload_is_forgotten_a_day_after_its_last_use(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let source = stage.maintainer.builds().upload(&stage.tool, archive(10)).await?;
    stage.stand.passes(SignedDuration::from_hours(20));
    let create = BuildCreate { upload: Some(source.id), ..BuildCreate::default() };
    let query = BuildCreateQuery::default();
    stage.maintainer.builds().start(&stage.tool, &create, &query).await?;
    stage.stand.passes(SignedDuration::from_hours(20));
    assert!(stage.builder.builds().source(source.id).await.is_ok());
    stage.stand.passes(SignedDuration::from_hours(5));
    hearth_testkit::until("the upload to be forgotten", || async {
        Ok(stage.builder.builds().source(source.id).await.is_err().then_some(()))
    })
    .await
}

async fn the_archive_is_for_the_builder_only(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let source = stage.maintainer.builds().upload(&stage.tool, archive(10)).await?;
    for client in [&stage.maintainer, &stage.jobs] {
        let path = format!("/internal/sources/{}", source.id);
        assert_eq!(Stage::send(client, Method::GET, &path, None).await.0, 403);
    }
    Ok(())
}

on_every_store!(
    an_upload_is_built_and_handed_to_the_builder_as_it_came,
    too_much_is_refused_whole,
    an_upload_of_another_tool_is_not_there,
    an_upload_is_forgotten_a_day_after_its_last_use,
    the_archive_is_for_the_builder_only,
);
