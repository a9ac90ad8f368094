//! Pushes, pins and collections at the same time, without any time of grace: what is there is whole.

use bytes::Bytes;
use futures::{StreamExt, future::try_join_all, stream};
use hearth_base::{Kind, Result};
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::on_every_store;

use super::{Stage, config, digest};
use crate::ImagesSettings;
use crate::app::{collect, manifests, pins, uploads};

/// A stage on which everything that nobody holds at this moment is collected.
async fn without_grace(db: Db) -> Result<Stage> {
    let mut config = Config::default();
    config.change(|images: &mut ImagesSettings| images.grace_hours = 0);
    let stage = Stage::set(db, config).await?;
    stage.pass(1);
    Ok(stage)
}

/// A collection may have been quicker, or another request of the same kind: that is told, and nothing is lost.
fn or_refused<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Range | Kind::Unavailable) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn a_manifest_that_was_taken_has_all_its_blobs(db: Db) -> Result<()> {
    let stage = without_grace(db).await?;
    let layers: [&[u8]; 3] = [b"one", b"two", b"three"];
    let pushing = (0..4_usize).map(|number| {
        let stage = stage.clone();
        async move {
            for turn in 0..8_usize {
                stage.clock.advance(jiff::SignedDuration::from_secs(1));
                let name = ["a", "b"][number % 2];
                or_refused(stage.push(name, "latest", layers[(number + turn) % 3]).await)?;
            }
            Ok::<_, hearth_base::Error>(())
        }
    });
    let collecting = async {
        for _ in 0..20 {
            stage.clock.advance(jiff::SignedDuration::from_secs(1));
            or_refused(collect::run(&stage.cx).await)?;
        }
        Ok(())
    };
    futures::future::try_join(try_join_all(pushing), collecting).await?;
    for name in ["a", "b"] {
        for layer in layers {
            let blobs = [digest(&config(layer)), digest(layer)];
            // Whether it can be pushed without its blobs tells whether they are there.
            if or_refused(stage.manifest(name, "probe", blobs).await)?.is_some() {
                for blob in blobs {
                    assert!(stage.has_blob(name, blob).await?, "{name} {}", String::from_utf8_lossy(layer));
                }
            }
        }
        let tagged = stage.has_manifest(name, "latest").await?;
        if tagged {
            let latest = manifests::find(&stage.cx, &stage.space, &name.parse()?, &"latest".parse()?).await?;
            let parsed = crate::app::parse::parse(None, &latest.content)?.1;
            for blob in parsed.blobs()? {
                assert!(stage.has_blob(name, blob).await?);
            }
        }
    }
    Ok(())
}

async fn a_pin_that_was_given_holds(db: Db) -> Result<()> {
    let stage = without_grace(db).await?;
    for turn in 0..10 {
        let layer = format!("layer {turn}");
        let image = stage.push("web", "latest", layer.as_bytes()).await?;
        stage.clock.advance(jiff::SignedDuration::from_secs(1));
        manifests::delete(&stage.cx, &stage.space, &"web".parse()?, &"latest".parse()?).await?;
        stage.clock.advance(jiff::SignedDuration::from_secs(1));
        let pinning = async { or_refused(pins::put(&stage.cx, "jobs:set_1", stage.tool(), image).await) };
        let (pinned, ()) = futures::future::try_join(pinning, collect::run(&stage.cx)).await?;
        collect::run(&stage.cx).await?;
        assert_eq!(stage.has_manifest("web", image).await?, pinned.is_some());
        if pinned.is_some() {
            assert!(stage.has_blob("web", digest(layer.as_bytes())).await?);
        }
        pins::delete(&stage.cx, "jobs:set_1").await?;
    }
    Ok(())
}

async fn of_two_requests_for_one_place_in_an_upload_one_is_taken(db: Db) -> Result<()> {
    let stage = Stage::set(db, Config::default()).await?;
    let upload = uploads::begin(&stage.cx, &stage.space, &"web".parse()?).await?;
    let send = |text: &'static str| {
        uploads::append(&stage.cx, upload, Some(0), stream::iter([Ok(Bytes::from(text))]).boxed())
    };
    let (one, two) = futures::future::join(send("one"), send("two")).await;
    let (taken, refused) = match (one, two) {
        (Ok(taken), Err(refused)) => ((taken, b"one"), refused),
        (Err(refused), Ok(taken)) => ((taken, b"two"), refused),
        both => panic!("{both:?}"),
    };
    assert_eq!(refused.code(), "blob-upload-invalid");
    uploads::finish(&stage.cx, taken.0, digest(taken.1)).await?;
    assert!(stage.has_blob("web", digest(taken.1)).await?);
    assert_eq!(stage.pieces().await?, 1);
    Ok(())
}

on_every_store!(
    a_manifest_that_was_taken_has_all_its_blobs,
    a_pin_that_was_given_holds,
    of_two_requests_for_one_place_in_an_upload_one_is_taken,
);
