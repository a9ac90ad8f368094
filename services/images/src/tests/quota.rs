//! Tests of the registry's quota, of the bounds of manifests and configurations, and of blobs of other tools.

use bytes::Bytes;
use futures::{SinkExt, StreamExt, channel::mpsc, stream};
use hearth_base::{Digest, Result};
use hearth_kit::{blobs::BoxError, config::HearthConfig, db::Db};
use hearth_testkit::{on_every_store, wait_until};
use serde_json::json;
use tokio::task::JoinSet;

use super::{ImagesFixture, build_image_config, compute_digest};
use crate::{
    ImagesSettings,
    app::{
        blobs, garbage_collection,
        incoming::{BlobStream, UploadBody},
        manifest_format::OCI_MANIFEST,
        manifests, pins,
        uploads::{self, MountSource},
    },
    names::RepositoryOwner,
    store::Upload,
};

async fn build_fixture(db: Db, change: impl FnOnce(&mut ImagesSettings)) -> Result<ImagesFixture> {
    ImagesFixture::build(db, HearthConfig::default().with_section::<ImagesSettings>(change)).await
}

/// Builds a registry in which each tool may store 100 bytes.
async fn build_small_fixture(db: Db) -> Result<ImagesFixture> {
    ImagesFixture::build_with_quota(db, HearthConfig::default(), 100).await
}

/// Builds another tool in the same registry.
fn build_other_tool(fixture: &ImagesFixture) -> Result<ImagesFixture> {
    let owner = RepositoryOwner::Tool(fixture.cx.generate_id(), "other".parse()?);
    Ok(ImagesFixture { owner, ..fixture.clone() })
}

fn code_of<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

async fn begin_and_append(fixture: &ImagesFixture, content: &[u8]) -> Result<Upload> {
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let body = stream::iter([Ok(Bytes::copy_from_slice(content))]).boxed();
    uploads::append_content(&fixture.cx, &fixture.owner, upload, None, body).await
}

async fn content_over_the_quota_is_refused_and_leaves_nothing(db: Db) -> Result<()> {
    let fixture = build_small_fixture(db).await?;
    fixture.push_blob("web", &[1; 60]).await?;
    assert_eq!(code_of(fixture.push_blob("web", &[2; 60]).await).as_deref(), Some("registry-quota"));
    assert_eq!(fixture.count_blobs().await?, 1);
    // The same bytes in another repository of the tool are stored once, and count once.
    let from = fixture.cx.store.find_repository(&fixture.owner.owner_key(), &"web".parse()?).await?;
    let worker = "worker".parse()?;
    let digest = compute_digest(&[1; 60]);
    let from = MountSource::Repository(from.expect("the repository"));
    assert!(uploads::mount_blob(&fixture.cx, &fixture.owner, &worker, digest, &from).await?);
    let other = build_other_tool(&fixture)?;
    other.push_blob("web", &[2; 60]).await?;
    Ok(())
}

async fn unfinished_uploads_count_in_bytes_and_number(db: Db) -> Result<()> {
    let config = HearthConfig::default().with_section::<ImagesSettings>(|settings| settings.tool_uploads = 2);
    let fixture = ImagesFixture::build_with_quota(db, config, 100).await?;
    let first = begin_and_append(&fixture, &[1; 60]).await?;
    assert_eq!(code_of(begin_and_append(&fixture, &[2; 60]).await).as_deref(), Some("registry-quota"));
    let begun = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await;
    assert_eq!(code_of(begun).as_deref(), Some("registry-quota"), "two uploads are unfinished");
    uploads::cancel_upload(&fixture.cx, first).await?;
    begin_and_append(&fixture, &[3; 60]).await?;
    assert_eq!(fixture.count_blobs().await?, 1);
    Ok(())
}

async fn content_counts_while_it_is_received(db: Db) -> Result<()> {
    let fixture = build_small_fixture(db).await?;
    let slow = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, BoxError>>(1);
    sender.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
    let content: BlobStream = receiver.boxed();
    let body = UploadBody { content, length: Some(80) };
    let (cx, owner) = (fixture.cx.clone(), fixture.owner.clone());
    let mut receiving = JoinSet::new();
    receiving.spawn(async move { uploads::append_body(&cx, &owner, slow, None, body).await });
    let used_bytes = async || {
        let (cx, owner) = (&fixture.cx, fixture.owner.owner_key());
        Ok::<_, hearth_base::Error>(
            cx.store.measure_usage(cx.store.reader_connection(), &owner, cx.incoming_cutoff()).await?.bytes,
        )
    };
    wait_until("the declared length counts", async || Ok((used_bytes().await? == 80).then_some(()))).await?;
    assert_eq!(code_of(begin_and_append(&fixture, &[2; 40]).await).as_deref(), Some("registry-quota"));
    // A client that has gone leaves nothing.
    receiving.shutdown().await;
    wait_until("the room is free again", async || Ok((used_bytes().await? == 0).then_some(()))).await?;
    begin_and_append(&fixture, &[2; 80]).await?;
    Ok(())
}

async fn content_of_unknown_length_counts_before_it_is_written(db: Db) -> Result<()> {
    let fixture = build_small_fixture(db).await?;
    let slow = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, BoxError>>(1);
    sender.send(Ok(Bytes::from_static(&[1; 60]))).await.unwrap();
    let (cx, owner, content) = (fixture.cx.clone(), fixture.owner.clone(), receiver.boxed());
    let mut receiving = JoinSet::new();
    receiving.spawn(async move { uploads::append_content(&cx, &owner, slow, None, content).await });
    wait_until("the received bytes count", async || {
        let (cx, owner) = (&fixture.cx, fixture.owner.owner_key());
        let usage =
            cx.store.measure_usage(cx.store.reader_connection(), &owner, cx.incoming_cutoff()).await?;
        Ok((usage.bytes == 60).then_some(()))
    })
    .await?;
    assert_eq!(code_of(begin_and_append(&fixture, &[2; 60]).await).as_deref(), Some("registry-quota"));
    sender.send(Ok(Bytes::from_static(&[1; 60]))).await.unwrap();
    let ended = receiving.join_next().await.unwrap().unwrap();
    assert_eq!(code_of(ended).as_deref(), Some("registry-quota"));
    Ok(())
}

async fn content_of_unknown_length_reserves_ahead(db: Db) -> Result<()> {
    let fixture = ImagesFixture::build_with_quota(db, HearthConfig::default(), 3 << 20).await?;
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, BoxError>>(1);
    sender.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
    let (cx, owner, content) = (fixture.cx.clone(), fixture.owner.clone(), receiver.boxed());
    let mut receiving = JoinSet::new();
    receiving.spawn(async move { uploads::append_content(&cx, &owner, upload, None, content).await });
    wait_until("a step is reserved", async || {
        let (cx, owner) = (&fixture.cx, fixture.owner.owner_key());
        let usage =
            cx.store.measure_usage(cx.store.reader_connection(), &owner, cx.incoming_cutoff()).await?;
        Ok((usage.bytes == (1 << 20) + 1).then_some(()))
    })
    .await?;
    // The next steps do not fit, but the content does.
    for _ in 0..3 {
        sender.send(Ok(Bytes::from(vec![1; 1 << 19]))).await.unwrap();
    }
    drop(sender);
    assert_eq!(receiving.join_next().await.unwrap().unwrap()?.size, (3 << 19) + 1);
    Ok(())
}

async fn upload_that_was_cancelled_stops_receiving(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |_| {}).await?;
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, BoxError>>(0);
    let (cx, owner) = (fixture.cx.clone(), fixture.owner.clone());
    let content: BlobStream = receiver.boxed();
    let mut receiving = JoinSet::new();
    receiving.spawn(async move { uploads::append_content(&cx, &owner, upload, None, content).await });
    sender.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
    let large = Bytes::from(vec![0; 20 << 20]);
    sender.send(Ok(large.clone())).await.unwrap();
    uploads::cancel_upload(&fixture.cx, upload).await?;
    // The next count of the received bytes finds the upload ended.
    while sender.send(Ok(large.clone())).await.is_ok() {}
    assert_eq!(
        code_of(receiving.join_next().await.unwrap().unwrap()).as_deref(),
        Some("blob-upload-unknown")
    );
    assert_eq!(fixture.count_blobs().await?, 0);
    Ok(())
}

async fn number_of_blobs_manifests_tags_and_images_is_limited(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |settings| {
        settings.tool_blobs = 5;
        settings.tool_manifests = 2;
        settings.tool_tags = 3;
        settings.tool_images = 2;
    })
    .await?;
    fixture.push_image("web", "a", b"one").await?;
    fixture.push_image("web", "b", b"two").await?;
    fixture.push_image("web", "c", b"two").await?;
    assert_eq!(code_of(fixture.push_image("web", "d", b"two").await).as_deref(), Some("registry-quota"));
    let blobs = [compute_digest(&build_image_config(b"one")), compute_digest(b"two")];
    assert_eq!(code_of(fixture.push_manifest("web", "c", blobs).await).as_deref(), Some("registry-quota"));
    fixture.push_blob("worker", b"five").await?;
    assert_eq!(code_of(fixture.push_blob("worker", b"six").await).as_deref(), Some("registry-quota"));
    let third = uploads::begin_upload(&fixture.cx, &fixture.owner, &"third".parse()?).await;
    assert_eq!(code_of(third).as_deref(), Some("registry-quota"));
    assert!(fixture.has_manifest("web", "c").await?, "what was there stays");
    Ok(())
}

async fn blobs_of_provided_images_do_not_count(db: Db) -> Result<()> {
    let fixture = build_small_fixture(db).await?;
    let provided = ImagesFixture { owner: RepositoryOwner::Provided, ..fixture.clone() };
    let base = provided.push_blob("bookworm", &[1; 90]).await?;
    let from = fixture.cx.store.find_repository("hearth", &"bookworm".parse()?).await?;
    let (from, name) = (MountSource::Repository(from.expect("the repository")), "web".parse()?);
    assert!(uploads::mount_blob(&fixture.cx, &fixture.owner, &name, base, &from).await?);
    // Without the name of its repository it is found too.
    let name = "worker".parse()?;
    assert!(uploads::mount_blob(&fixture.cx, &fixture.owner, &name, base, &MountSource::Readable).await?);
    fixture.push_blob("web", &[2; 90]).await?;
    Ok(())
}

async fn unused_content_of_a_nearly_full_tool_is_collected_early(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |settings| settings.tool_images = 10).await?;
    for number in 0..10 {
        let name = format!("image{number}").parse()?;
        fixture.push_image(&format!("image{number}"), "latest", b"layer").await?;
        manifests::delete_reference(&fixture.cx, &fixture.owner, &name, &"latest".parse()?).await?;
    }
    assert_eq!(code_of(fixture.push_blob("web", b"new").await).as_deref(), Some("registry-quota"));
    fixture.clock.advance_by(jiff::SignedDuration::from_mins(31));
    fixture.push_blob("web", b"new").await?;
    assert_eq!(fixture.count_blobs().await?, 1);
    Ok(())
}

async fn content_of_a_killed_process_is_given_up(db: Db) -> Result<()> {
    let fixture = build_small_fixture(db).await?;
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let blob = fixture.cx.generate_id();
    let content = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"lost"))]);
    fixture.cx.blobs.write(blob, content, 100).await?;
    let tx = fixture.cx.store.begin().await?;
    let key = (fixture.owner.owner_key(), upload.id, blob);
    fixture.cx.store.insert_incoming(&tx, key, 80, fixture.cx.now()).await?;
    tx.commit().await?;
    assert_eq!(code_of(fixture.push_blob("web", &[1; 40]).await).as_deref(), Some("registry-quota"));
    fixture.clock.advance_by(jiff::SignedDuration::from_mins(11));
    fixture.push_blob("web", &[1; 40]).await?;
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert_eq!(fixture.count_blobs().await?, 1);
    Ok(())
}

async fn second_end_of_an_upload_keeps_its_blob(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |_| {}).await?;
    let upload = begin_and_append(&fixture, b"content").await?;
    let digest = compute_digest(b"content");
    let finish = || uploads::finish_upload(&fixture.cx, &fixture.owner, upload, digest);
    let (one, two) = futures::future::join(finish(), finish()).await;
    assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_blob("web", digest).await?);
    Ok(())
}

async fn manifest_with_a_wrong_blob_size_is_refused(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |_| {}).await?;
    let config = fixture.push_blob("web", &build_image_config(b"layer")).await?;
    let layer = fixture.push_blob("web", b"layer").await?;
    let push = async |size: u64| {
        let config_size = build_image_config(b"layer").len();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": config_size, "digest": config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": size, "digest": layer}],
        });
        fixture.put_manifest("web", "latest", OCI_MANIFEST, &manifest).await
    };
    for wrong in [0, 4, 6, 1 << 50] {
        assert_eq!(code_of(push(wrong).await).as_deref(), Some("manifest-invalid"), "{wrong}");
    }
    assert_eq!(code_of(push(5).await), None);
    Ok(())
}

async fn image_with_an_oversized_configuration_is_not_stored(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |_| {}).await?;
    let layer = fixture.push_blob("web", b"layer").await?;
    let build = |labels: serde_json::Value| {
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [compute_digest(b"layer")]}});
        config.to_string().into_bytes()
    };
    for labels in [json!({"a": "x".repeat(300_000)}), json!({"a": "x".repeat(2_000_000)})] {
        let config = fixture.push_blob("web", &build(labels)).await?;
        let pushed = fixture.push_manifest("web", "latest", [config, layer]).await;
        assert_eq!(code_of(pushed).as_deref(), Some("image-config-too-large"));
    }
    assert!(!fixture.has_manifest("web", "latest").await?);
    let config = fixture.push_blob("web", &build(json!({"a": "b"}))).await?;
    fixture.push_manifest("web", "latest", [config, layer]).await?;
    Ok(())
}

async fn blob_is_read_only_by_tools_that_have_it(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |_| {}).await?;
    let other = build_other_tool(&fixture)?;
    let provided = ImagesFixture { owner: RepositoryOwner::Provided, ..fixture.clone() };
    let own = fixture.push_blob("web", b"own").await?;
    let base = provided.push_blob("bookworm", b"base").await?;
    let read = async |tool: &ImagesFixture, digest: Digest| {
        blobs::find_readable_blob(&fixture.cx, Some(tool.tool_id()), digest).await
    };
    assert_eq!(read(&fixture, own).await?.digest, own);
    assert_eq!(read(&other, base).await?.digest, base);
    assert_eq!(code_of(read(&other, own).await).as_deref(), Some("blob-unknown"));
    // A claim proves nothing: a manifest cannot refer to a blob that the tool has not sent or mounted.
    let config = other.push_blob("web", &build_image_config(b"own")).await?;
    let claimed = other.push_manifest("web", "latest", [config, own]).await;
    assert_eq!(code_of(claimed).as_deref(), Some("manifest-blob-unknown"));
    // The refusal tells nothing about the configuration of another tool's image.
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": {"a": "x".repeat(300_000)}},
        "rootfs": {"type": "layers", "diff_ids": [own]}});
    let secret = fixture.push_blob("web", config.to_string().as_bytes()).await?;
    let probed = other.push_manifest("web", "latest", [secret, own]).await;
    assert_eq!(code_of(probed).as_deref(), Some("manifest-blob-unknown"));
    let from = fixture.cx.store.find_repository(&other.owner.owner_key(), &"web".parse()?).await?;
    let (from, name) = (MountSource::Repository(from.expect("the repository")), "web".parse()?);
    assert!(!uploads::mount_blob(&fixture.cx, &other.owner, &name, own, &from).await?);
    assert!(!uploads::mount_blob(&fixture.cx, &other.owner, &name, secret, &MountSource::Readable).await?);
    Ok(())
}

async fn pin_of_another_tool_does_not_hold_an_image(db: Db) -> Result<()> {
    let fixture = build_fixture(db, |_| {}).await?;
    let other = build_other_tool(&fixture)?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    assert_eq!(other.push_image("web", "latest", b"layer").await?, image);
    pins::put_pin(&fixture.cx, "jobs:set_1", fixture.tool_id(), image).await?;
    let name = "web".parse()?;
    manifests::delete_reference(&fixture.cx, &other.owner, &name, &image.to_string().parse()?).await?;
    let own = image.to_string().parse()?;
    let refused = manifests::delete_reference(&fixture.cx, &fixture.owner, &name, &own).await;
    assert_eq!(code_of(refused).as_deref(), Some("manifest-in-use"));
    Ok(())
}

on_every_store!(
    content_over_the_quota_is_refused_and_leaves_nothing,
    unfinished_uploads_count_in_bytes_and_number,
    content_counts_while_it_is_received,
    content_of_unknown_length_counts_before_it_is_written,
    content_of_unknown_length_reserves_ahead,
    upload_that_was_cancelled_stops_receiving,
    number_of_blobs_manifests_tags_and_images_is_limited,
    blobs_of_provided_images_do_not_count,
    unused_content_of_a_nearly_full_tool_is_collected_early,
    content_of_a_killed_process_is_given_up,
    second_end_of_an_upload_keeps_its_blob,
    manifest_with_a_wrong_blob_size_is_refused,
    image_with_an_oversized_configuration_is_not_stored,
    blob_is_read_only_by_tools_that_have_it,
    pin_of_another_tool_does_not_hold_an_image,
);
