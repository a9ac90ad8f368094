//! What is collected, and what never is.

use bytes::Bytes;
use futures::{StreamExt, stream};
use hearth_base::Result;
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::on_every_store;
use serde_json::json;

use super::{Stage, config, digest};
use crate::app::{collect, erase, manifests, parse::OCI_INDEX, pins, uploads};

async fn stage(db: Db) -> Result<Stage> {
    Stage::set(db, Config::default()).await
}

async fn what_a_tag_left_goes_after_its_grace_and_what_others_need_stays(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let old = stage.push("web", "latest", b"old layer").await?;
    stage.pass(100);
    let shared = stage.push("other", "latest", b"old layer").await?;
    assert_eq!(old, shared);
    let new = stage.push("web", "latest", b"new layer").await?;
    stage.pass(23);
    collect::run(&stage.cx).await?;
    assert!(stage.has_manifest("web", old).await?, "within its grace");
    stage.pass(2);
    collect::run(&stage.cx).await?;
    assert!(!stage.has_manifest("web", old).await?);
    assert!(stage.has_manifest("web", new).await? && stage.has_blob("web", digest(b"new layer")).await?);
    assert!(!stage.has_blob("web", digest(b"old layer")).await?);
    assert!(stage.has_blob("other", digest(b"old layer")).await?);
    assert_eq!(stage.pieces().await?, 4);
    Ok(())
}

async fn what_is_pinned_stays_until_it_is_let_go_and_a_grace_longer(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let image = stage.push("web", "latest", b"layer").await?;
    pins::put(&stage.cx, "jobs:set_1", stage.tool(), image).await?;
    stage.push("web", "latest", b"other").await?;
    stage.pass(1000);
    collect::run(&stage.cx).await?;
    assert!(stage.has_manifest("web", image).await? && stage.has_blob("web", digest(b"layer")).await?);
    let error =
        manifests::delete(&stage.cx, &stage.space, &"web".parse()?, &image.to_string().parse()?).await;
    assert_eq!(error.unwrap_err().code(), "manifest-in-use");
    pins::delete(&stage.cx, "jobs:set_1").await?;
    collect::run(&stage.cx).await?;
    assert!(stage.has_manifest("web", image).await?, "within its grace");
    stage.pass(25);
    collect::run(&stage.cx).await?;
    assert!(!stage.has_manifest("web", image).await?);
    let error = pins::put(&stage.cx, "jobs:set_1", stage.tool(), image).await.unwrap_err();
    assert_eq!(error.code(), "manifest-unknown");
    Ok(())
}

async fn nobody_pins_what_is_another_tools(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let image = stage.push("web", "latest", b"layer").await?;
    let error = pins::put(&stage.cx, "jobs:set_1", stage.cx.id(), image).await.unwrap_err();
    assert_eq!(error.code(), "manifest-unknown");
    Ok(())
}

async fn an_index_keeps_its_images(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let image = stage.push("web", "amd64", b"layer").await?;
    let entry =
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": image});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]});
    let index = stage.put("web", "latest", OCI_INDEX, &index).await?;
    let name = "web".parse()?;
    manifests::delete(&stage.cx, &stage.space, &name, &"amd64".parse()?).await?;
    stage.pass(1000);
    collect::run(&stage.cx).await?;
    assert!(stage.has_manifest("web", image).await?);
    manifests::delete(&stage.cx, &stage.space, &name, &index.to_string().parse()?).await?;
    collect::run(&stage.cx).await?;
    assert!(!stage.has_manifest("web", image).await?);
    assert_eq!(stage.pieces().await?, 0);
    Ok(())
}

async fn an_upload_under_way_stays_and_one_given_up_goes(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let name = "web".parse()?;
    let piece = |text: &'static str| stream::iter([Ok(Bytes::from(text))]).boxed();
    let upload = uploads::begin(&stage.cx, &stage.space, &name).await?;
    let upload = uploads::append(&stage.cx, upload, None, piece("half ")).await?;
    stage.pass(20);
    let upload = uploads::append(&stage.cx, upload, None, piece("and half")).await?;
    stage.pass(20);
    collect::run(&stage.cx).await?;
    uploads::finish(&stage.cx, upload, digest(b"half and half")).await?;
    collect::run(&stage.cx).await?;
    assert!(stage.has_blob("web", digest(b"half and half")).await?);

    let left = uploads::begin(&stage.cx, &stage.space, &name).await?;
    let left = uploads::append(&stage.cx, left, None, piece("left")).await?;
    stage.pass(25);
    collect::run(&stage.cx).await?;
    assert_eq!(stage.pieces().await?, 0);
    let error = uploads::finish(&stage.cx, left, digest(b"left")).await.unwrap_err();
    assert_eq!(error.code(), "blob-upload-invalid");
    Ok(())
}

async fn whoever_asks_after_a_blob_has_time_to_use_it(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let layer = stage.blob("web", b"layer").await?;
    let config = stage.blob("web", &config(b"layer")).await?;
    stage.pass(23);
    assert!(stage.has_blob("web", layer).await? && stage.has_blob("web", config).await?);
    stage.pass(23);
    collect::run(&stage.cx).await?;
    stage.manifest("web", "latest", [config, layer]).await?;
    stage.pass(1000);
    collect::run(&stage.cx).await?;
    assert!(stage.has_blob("web", layer).await?);
    Ok(())
}

async fn a_tool_is_erased_and_what_others_have_stays(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut other = stage.clone();
    other.space = crate::names::Space::Tool(stage.cx.id(), "other".parse()?);
    stage.push("web", "latest", b"shared").await?;
    stage.blob("web", b"loose").await?;
    let image = other.push("web", "latest", b"shared").await?;
    let upload = uploads::begin(&stage.cx, &stage.space, &"web".parse()?).await?;
    uploads::append(&stage.cx, upload, None, stream::iter([Ok(Bytes::from("half"))]).boxed()).await?;
    erase::erase(&stage.cx, stage.tool()).await?;
    erase::erase(&stage.cx, stage.tool()).await?;
    stage.pass(1000);
    collect::run(&stage.cx).await?;
    assert!(other.has_manifest("web", image).await? && other.has_blob("web", digest(b"shared")).await?);
    assert_eq!(stage.pieces().await?, 2);
    Ok(())
}

async fn content_that_no_row_leads_to_is_found(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.push("web", "latest", b"layer").await?;
    let stray = stream::iter([Ok::<_, std::io::Error>(Bytes::from("stray"))]);
    stage.cx.blobs.write(stage.cx.id(), stray, 100).await?;
    collect::run(&stage.cx).await?;
    assert_eq!(stage.pieces().await?, 3);
    stage.pass(25);
    collect::run(&stage.cx).await?;
    assert_eq!(stage.pieces().await?, 2);
    Ok(())
}

on_every_store!(
    what_a_tag_left_goes_after_its_grace_and_what_others_need_stays,
    what_is_pinned_stays_until_it_is_let_go_and_a_grace_longer,
    nobody_pins_what_is_another_tools,
    an_index_keeps_its_images,
    an_upload_under_way_stays_and_one_given_up_goes,
    whoever_asks_after_a_blob_has_time_to_use_it,
    a_tool_is_erased_and_what_others_have_stays,
    content_that_no_row_leads_to_is_found,
);
