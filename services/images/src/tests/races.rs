//! Concurrent pushes, pins and collections without a grace period: accepted content stays complete.

use bytes::Bytes;
use futures::{StreamExt, future::try_join_all, stream};
use hearth_base::{ErrorKind, Result};
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::on_every_store;

use super::{ImagesFixture, build_image_config, compute_digest};
use crate::ImagesSettings;
use crate::app::{garbage_collection, manifests, pins, uploads};

/// Builds a fixture whose garbage collection deletes everything that is unreferenced at this moment.
async fn build_fixture_without_grace(db: Db) -> Result<ImagesFixture> {
    let mut config = HearthConfig::default();
    config.change_section(|images: &mut ImagesSettings| images.grace_hours = 0);
    let fixture = ImagesFixture::build(db, config).await?;
    fixture.advance_hours(1);
    Ok(fixture)
}

/// Accepts the errors that a concurrent collection or request may cause.
fn allow_refusal<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Range | ErrorKind::Unavailable) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn accepted_manifest_has_all_its_blobs(db: Db) -> Result<()> {
    let fixture = build_fixture_without_grace(db).await?;
    let layers: [&[u8]; 3] = [b"one", b"two", b"three"];
    let pushing = (0..4_usize).map(|number| {
        let fixture = fixture.clone();
        async move {
            for turn in 0..8_usize {
                fixture.clock.advance_by(jiff::SignedDuration::from_secs(1));
                let name = ["a", "b"][number % 2];
                allow_refusal(fixture.push_image(name, "latest", layers[(number + turn) % 3]).await)?;
            }
            Ok::<_, hearth_base::Error>(())
        }
    });
    let collecting = async {
        for _ in 0..20 {
            fixture.clock.advance_by(jiff::SignedDuration::from_secs(1));
            allow_refusal(garbage_collection::collect_garbage(&fixture.cx).await)?;
        }
        Ok(())
    };
    futures::future::try_join(try_join_all(pushing), collecting).await?;
    for name in ["a", "b"] {
        for layer in layers {
            let config = build_image_config(layer);
            let contents: [&[u8]; 2] = [&config, layer];
            // A manifest is accepted only if its blobs exist.
            if allow_refusal(fixture.push_manifest_of(name, "probe", contents).await)?.is_some() {
                for content in contents {
                    assert!(
                        fixture.has_blob(name, compute_digest(content)).await?,
                        "{name} {}",
                        String::from_utf8_lossy(layer)
                    );
                }
            }
        }
        let tagged = fixture.has_manifest(name, "latest").await?;
        if tagged {
            let latest =
                manifests::find_manifest(&fixture.cx, &fixture.owner, &name.parse()?, &"latest".parse()?)
                    .await?;
            let parsed = crate::app::manifest_format::parse_manifest(None, &latest.content)?.1;
            for blob in parsed.list_blob_digests()? {
                assert!(fixture.has_blob(name, blob).await?);
            }
        }
    }
    Ok(())
}

async fn accepted_pin_prevents_collection(db: Db) -> Result<()> {
    let fixture = build_fixture_without_grace(db).await?;
    for turn in 0..10 {
        let layer = format!("layer {turn}");
        let image = fixture.push_image("web", "latest", layer.as_bytes()).await?;
        fixture.clock.advance_by(jiff::SignedDuration::from_secs(1));
        manifests::delete_reference(&fixture.cx, &fixture.owner, &"web".parse()?, &"latest".parse()?).await?;
        fixture.clock.advance_by(jiff::SignedDuration::from_secs(1));
        let pinning =
            async { allow_refusal(pins::put_pin(&fixture.cx, "jobs:set_1", fixture.tool_id(), image).await) };
        let (pinned, ()) =
            futures::future::try_join(pinning, garbage_collection::collect_garbage(&fixture.cx)).await?;
        garbage_collection::collect_garbage(&fixture.cx).await?;
        assert_eq!(fixture.has_manifest("web", image).await?, pinned.is_some());
        if pinned.is_some() {
            assert!(fixture.has_blob("web", compute_digest(layer.as_bytes())).await?);
        }
        pins::delete_pin(&fixture.cx, "jobs:set_1").await?;
    }
    Ok(())
}

async fn one_of_two_appends_at_the_same_offset_is_accepted(db: Db) -> Result<()> {
    let fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    let upload = uploads::begin_upload(&fixture.cx, &fixture.owner, &"web".parse()?).await?;
    let send = |text: &'static str| {
        uploads::append_content(
            &fixture.cx,
            &fixture.owner,
            upload,
            Some(0),
            stream::iter([Ok(Bytes::from(text))]).boxed(),
        )
    };
    let (one, two) = futures::future::join(send("one"), send("two")).await;
    let (taken, refused) = match (one, two) {
        (Ok(taken), Err(refused)) => ((taken, b"one"), refused),
        (Err(refused), Ok(taken)) => ((taken, b"two"), refused),
        both => panic!("{both:?}"),
    };
    assert_eq!(refused.code(), "blob-upload-invalid");
    uploads::finish_upload(&fixture.cx, &fixture.owner, taken.0, compute_digest(taken.1)).await?;
    assert!(fixture.has_blob("web", compute_digest(taken.1)).await?);
    assert_eq!(fixture.count_blobs().await?, 1);
    Ok(())
}

on_every_store!(
    accepted_manifest_has_all_its_blobs,
    accepted_pin_prevents_collection,
    one_of_two_appends_at_the_same_offset_is_accepted,
);
