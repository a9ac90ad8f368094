//! Tests of garbage collection.

use bytes::Bytes;
use futures::{StreamExt, stream};
use hearth_base::Result;
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::on_every_store;
use serde_json::json;

use super::{ImagesFixture, build_image_config, compute_digest};
use crate::app::{garbage_collection, manifest_format::OCI_INDEX, manifests, pins, tool_erasure, uploads};

async fn build_fixture(db: Db) -> Result<ImagesFixture> {
    ImagesFixture::build(db, HearthConfig::default()).await
}

async fn untagged_image_is_collected_after_grace_without_shared_blobs(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let old = fixture.push_image("web", "latest", b"old layer").await?;
    fixture.advance_hours(100);
    let shared = fixture.push_image("other", "latest", b"old layer").await?;
    assert_eq!(old, shared);
    let new = fixture.push_image("web", "latest", b"new layer").await?;
    fixture.advance_hours(23);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_manifest("web", old).await?, "within its grace period");
    fixture.advance_hours(2);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(!fixture.has_manifest("web", old).await?);
    assert!(
        fixture.has_manifest("web", new).await?
            && fixture.has_blob("web", compute_digest(b"new layer")).await?
    );
    assert!(!fixture.has_blob("web", compute_digest(b"old layer")).await?);
    assert!(fixture.has_blob("other", compute_digest(b"old layer")).await?);
    assert_eq!(fixture.count_blobs().await?, 4);
    Ok(())
}

async fn pinned_image_is_collected_only_after_release_and_grace(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    pins::put_pin(&fixture.cx, "jobs:set_1", fixture.tool_id(), image).await?;
    fixture.push_image("web", "latest", b"other").await?;
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(
        fixture.has_manifest("web", image).await?
            && fixture.has_blob("web", compute_digest(b"layer")).await?
    );
    let error = manifests::delete_reference(
        &fixture.cx,
        &fixture.owner,
        &"web".parse()?,
        &image.to_string().parse()?,
    )
    .await;
    assert_eq!(error.unwrap_err().code(), "manifest-in-use");
    pins::delete_pin(&fixture.cx, "jobs:set_1").await?;
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_manifest("web", image).await?, "within its grace period");
    fixture.advance_hours(25);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(!fixture.has_manifest("web", image).await?);
    let error = pins::put_pin(&fixture.cx, "jobs:set_1", fixture.tool_id(), image).await.unwrap_err();
    assert_eq!(error.code(), "manifest-unknown");
    Ok(())
}

async fn pin_of_another_tools_image_is_refused(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let error = pins::put_pin(&fixture.cx, "jobs:set_1", fixture.cx.generate_id(), image).await.unwrap_err();
    assert_eq!(error.code(), "manifest-unknown");
    Ok(())
}

async fn an_index_keeps_its_images(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "amd64", b"layer").await?;
    let entry =
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": image});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]});
    let index = fixture.put_manifest("web", "latest", OCI_INDEX, &index).await?;
    let name = "web".parse()?;
    manifests::delete_reference(&fixture.cx, &fixture.owner, &name, &"amd64".parse()?).await?;
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_manifest("web", image).await?);
    manifests::delete_reference(&fixture.cx, &fixture.owner, &name, &index.to_string().parse()?).await?;
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(!fixture.has_manifest("web", image).await?);
    assert_eq!(fixture.count_blobs().await?, 0);
    Ok(())
}

async fn active_upload_stays_and_abandoned_one_is_deleted(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let name = "web".parse()?;
    let piece = |text: &'static str| stream::iter([Ok(Bytes::from(text))]).boxed();
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &name).await?;
    let upload = uploads::append_content(&fixture.cx, &fixture.owner, upload, None, piece("half ")).await?;
    fixture.advance_hours(20);
    let upload =
        uploads::append_content(&fixture.cx, &fixture.owner, upload, None, piece("and half")).await?;
    fixture.advance_hours(20);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    uploads::finish_upload(&fixture.cx, &fixture.owner, upload, compute_digest(b"half and half")).await?;
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_blob("web", compute_digest(b"half and half")).await?);

    let abandoned = uploads::begin_upload(&fixture.cx, &fixture.owner, &name).await?;
    let abandoned =
        uploads::append_content(&fixture.cx, &fixture.owner, abandoned, None, piece("left")).await?;
    fixture.advance_hours(25);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert_eq!(fixture.count_blobs().await?, 0);
    let error = uploads::finish_upload(&fixture.cx, &fixture.owner, abandoned, compute_digest(b"left"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "blob-upload-invalid");
    Ok(())
}

async fn lookup_of_a_blob_renews_its_grace_period(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let layer = fixture.push_blob("web", b"layer").await?;
    let config = fixture.push_blob("web", &build_image_config(b"layer")).await?;
    fixture.advance_hours(23);
    assert!(fixture.has_blob("web", layer).await? && fixture.has_blob("web", config).await?);
    fixture.advance_hours(23);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    fixture.push_manifest("web", "latest", [config, layer]).await?;
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_blob("web", layer).await?);
    Ok(())
}

async fn erasure_of_a_tool_keeps_blobs_of_others(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let mut other = fixture.clone();
    other.owner = crate::names::RepositoryOwner::Tool(fixture.cx.generate_id(), "other".parse()?);
    fixture.push_image("web", "latest", b"shared").await?;
    fixture.push_blob("web", b"loose").await?;
    let image = other.push_image("web", "latest", b"shared").await?;
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    uploads::append_content(
        &fixture.cx,
        &fixture.owner,
        upload,
        None,
        stream::iter([Ok(Bytes::from("half"))]).boxed(),
    )
    .await?;
    tool_erasure::erase_tool_images(&fixture.cx, fixture.tool_id()).await?;
    tool_erasure::erase_tool_images(&fixture.cx, fixture.tool_id()).await?;
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(
        other.has_manifest("web", image).await? && other.has_blob("web", compute_digest(b"shared")).await?
    );
    assert_eq!(fixture.count_blobs().await?, 2);
    Ok(())
}

async fn orphaned_content_is_deleted(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    fixture.push_image("web", "latest", b"layer").await?;
    let stray = stream::iter([Ok::<_, std::io::Error>(Bytes::from("stray"))]);
    fixture.cx.blobs.write(fixture.cx.generate_id(), stray, 100).await?;
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert_eq!(fixture.count_blobs().await?, 3);
    fixture.advance_hours(25);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert_eq!(fixture.count_blobs().await?, 2);
    Ok(())
}

on_every_store!(
    untagged_image_is_collected_after_grace_without_shared_blobs,
    pinned_image_is_collected_only_after_release_and_grace,
    pin_of_another_tools_image_is_refused,
    an_index_keeps_its_images,
    active_upload_stays_and_abandoned_one_is_deleted,
    lookup_of_a_blob_renews_its_grace_period,
    erasure_of_a_tool_keeps_blobs_of_others,
    orphaned_content_is_deleted,
);
