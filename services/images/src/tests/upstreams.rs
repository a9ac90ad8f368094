//! Images of upstream registries: stored once, checked, compared with the upstream, bounded.

use bytes::Bytes;
use futures::TryStreamExt;
use hearth_base::{Digest, Error, Result};
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::on_every_store;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    ImagesFixture,
    upstream_registry::{RegistryMood, UpstreamRegistry, WantedSignIn},
};
use crate::{
    ImagesSettings,
    app::upstreams::{
        blobs::{self, UpstreamBlob},
        eviction,
        manifests::{self, PulledManifest, WantedManifest},
        tag_lists,
    },
    upstream::{RetryAfter, Upstream, UpstreamName, UpstreamRepository},
};

/// A Hearth with an upstream `hub`.
struct UpstreamFixture {
    hearth: ImagesFixture,
    registry: UpstreamRegistry,
    /// Another registry, which is no upstream.
    other: UpstreamRegistry,
    name: UpstreamName,
    repository: UpstreamRepository,
}

impl UpstreamFixture {
    async fn build(db: Db, more: Value) -> Result<Self> {
        let (registry, other) = (UpstreamRegistry::start().await?, UpstreamRegistry::start().await?);
        let name: UpstreamName = "hub".parse()?;
        let mut settings = json!({"url": format!("http://{}", registry.authority)});
        settings.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        let settings = serde_json::from_value(settings).map_err(Error::internal)?;
        let mut config = HearthConfig::default();
        config.outbound.allow = vec![registry.authority.parse()?, other.authority.parse()?];
        config.change_section(|images: &mut ImagesSettings| {
            images.upstreams.insert(name.clone(), settings);
            images.blob_limit = 1 << 20;
        });
        let hearth = ImagesFixture::build(db, config).await?;
        Ok(Self { hearth, registry, other, name, repository: "library/tool".parse()? })
    }

    fn upstream(&self) -> Upstream<'_> {
        Upstream::find_configured(&self.hearth.cx.settings.upstreams, &self.name).unwrap()
    }

    async fn pull_manifest(&self, reference: impl ToString) -> Result<PulledManifest> {
        let reference = reference.to_string().parse()?;
        let (upstream, repository) = (&self.upstream(), &self.repository);
        let wanted = WantedManifest { upstream, repository, reference: &reference, caller: "caller" };
        manifests::find_manifest(&self.hearth.cx, wanted).await
    }

    async fn pull_digest(&self, reference: impl ToString) -> Result<Digest> {
        self.pull_manifest(reference).await.map(|pulled| pulled.manifest.digest)
    }

    async fn pull_blob(&self, digest: Digest) -> Result<Vec<u8>> {
        let cx = &self.hearth.cx;
        let key = (&self.repository, digest);
        let content = match blobs::find_blob(cx, &self.upstream(), key, "caller".to_owned()).await? {
            UpstreamBlob::Stored(content) => {
                let read = cx.blobs.read(content.blob, None).await?;
                read.ok_or_else(|| Error::internal("no content"))?.try_collect::<Vec<Bytes>>().await?
            }
            UpstreamBlob::Fetching { reader, .. } => {
                reader.into_stream(cx.blobs.clone()).try_collect().await?
            }
        };
        Ok(content.concat())
    }

    async fn stored_bytes(&self) -> Result<u64> {
        self.hearth.cx.store.sum_upstream_bytes(&self.name).await
    }

    fn advance_seconds(&self, seconds: i64) {
        self.hearth.clock.advance_by(SignedDuration::from_secs(seconds));
    }
}

fn code_of<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

async fn image_is_fetched_once_and_then_served_without_the_upstream(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({})).await?;
    let (manifest, layer) = fixture.registry.add_image("latest", b"a layer");
    for _ in 0..2 {
        assert_eq!(fixture.pull_digest("latest").await?, manifest);
        assert_eq!(fixture.pull_digest(manifest).await?, manifest);
        assert_eq!(fixture.pull_blob(layer).await?, b"a layer");
    }
    let asked = fixture.registry.take_requests();
    assert_eq!(asked, ["GET manifests/latest".to_owned(), format!("GET blobs/{layer}")]);
    fixture.registry.set_mood(RegistryMood::Failing);
    assert_eq!(fixture.pull_blob(layer).await?, b"a layer");
    Ok(())
}

async fn many_requests_wait_for_one_fetch(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({})).await?;
    let content: Vec<u8> = (0..700_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let (manifest, layer) = fixture.registry.add_image("latest", &content);
    let pulls = (0..10).map(|_| async {
        assert_eq!(fixture.pull_digest("latest").await?, manifest);
        fixture.pull_blob(layer).await
    });
    for pulled in futures::future::try_join_all(pulls).await? {
        assert!(pulled == content, "{} bytes", pulled.len());
    }
    let asked = fixture.registry.take_requests();
    assert_eq!(asked, ["GET manifests/latest".to_owned(), format!("GET blobs/{layer}")]);
    Ok(())
}

async fn tag_is_compared_with_the_upstream_when_it_is_no_longer_fresh(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({"fresh_seconds": 60})).await?;
    let (first, _) = fixture.registry.add_image("latest", b"one");
    fixture.pull_digest("latest").await?;
    fixture.advance_seconds(61);
    assert_eq!(fixture.pull_digest("latest").await?, first);
    assert_eq!(fixture.registry.take_requests(), ["GET manifests/latest", "HEAD manifests/latest"]);
    // The tag moves.
    let (second, _) = fixture.registry.add_image("latest", b"two");
    assert_eq!(fixture.pull_digest("latest").await?, first, "the tag is fresh");
    fixture.advance_seconds(61);
    assert_eq!(fixture.pull_digest("latest").await?, second);
    // The tag is deleted.
    fixture.registry.remove_tag("latest");
    fixture.advance_seconds(61);
    assert_eq!(code_of(fixture.pull_digest("latest").await).as_deref(), Some("manifest-unknown"));
    assert_eq!(fixture.pull_digest(first).await?, first);
    Ok(())
}

async fn stored_image_is_served_while_the_upstream_is_away(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({})).await?;
    let (manifest, _) = fixture.registry.add_image("latest", b"one");
    assert!(!fixture.pull_manifest("latest").await?.is_stale);
    for mood in [RegistryMood::Failing, RegistryMood::Exhausted, RegistryMood::Lying] {
        fixture.registry.set_mood(mood);
        fixture.advance_seconds(3600);
        if mood == RegistryMood::Lying {
            // With another digest in its answer, the upstream is asked for the manifest.
            fixture.registry.add_image("latest", b"two");
        }
        let pulled = fixture.pull_manifest("latest").await?;
        assert_eq!((pulled.manifest.digest, pulled.is_stale), (manifest, true), "{mood:?}");
    }
    // An image that could not be compared for a day may be wrong by now.
    fixture.registry.set_mood(RegistryMood::Exhausted);
    fixture.advance_seconds(24 * 3600);
    assert_eq!(code_of(fixture.pull_digest("latest").await).as_deref(), Some("upstream-rate-limit"));
    fixture.registry.set_mood(RegistryMood::Usual);
    assert!(!fixture.pull_manifest("latest").await?.is_stale);
    Ok(())
}

async fn server_behind_a_redirect_gets_no_credential_of_the_upstream(db: Db) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").map_err(Error::internal)?;
    let fixture = UpstreamFixture::build(db, json!({"user": "hearth", "password_file": password})).await?;
    let (_, layer) = fixture.registry.add_image("latest", b"one");
    fixture.registry.set_mood(RegistryMood::Redirecting);
    let target = format!("http://{}/v2/library/tool/blobs/{layer}", fixture.other.authority);
    fixture.registry.lock_content().redirect_target = target;
    for sign_in in [WantedSignIn::Token, WantedSignIn::Basic] {
        fixture.other.lock_content().sign_in = sign_in;
        assert!(fixture.pull_blob(layer).await.is_err());
        assert!(fixture.other.lock_content().credentials.is_empty(), "{sign_in:?}");
    }
    // Without a sign-in of its own, the server gives the content.
    fixture.other.lock_content().sign_in = WantedSignIn::None;
    fixture.other.add_image("latest", b"one");
    assert_eq!(fixture.pull_blob(layer).await?, b"one");
    Ok(())
}

async fn errors_of_an_upstream_say_what_to_do(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({})).await?;
    let (_, layer) = fixture.registry.add_image("latest", b"one");
    assert_eq!(code_of(fixture.pull_digest("nosuch").await).as_deref(), Some("manifest-unknown"));
    assert_eq!(code_of(fixture.pull_blob(Digest::new([7; 32])).await).as_deref(), Some("blob-unknown"));
    fixture.registry.set_mood(RegistryMood::Exhausted);
    let error = fixture.pull_blob(layer).await.unwrap_err();
    let retry_after = error.cause().and_then(|cause| cause.downcast_ref::<RetryAfter>());
    assert_eq!((error.code(), retry_after.map(|after| after.0)), ("upstream-rate-limit", Some(77)));
    fixture.registry.set_mood(RegistryMood::Failing);
    assert_eq!(code_of(fixture.pull_digest("latest").await).as_deref(), Some("upstream-unavailable"));
    fixture.registry.lock_content().sign_in = WantedSignIn::Basic;
    assert_eq!(code_of(fixture.pull_digest("latest").await).as_deref(), Some("upstream-refused"));
    Ok(())
}

async fn content_of_a_hostile_upstream_is_neither_stored_nor_completed(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({"bytes": 500_000})).await?;
    let (manifest, layer) = fixture.registry.add_image("latest", &[7; 300_000]);
    let huge = fixture.registry.add_image("huge", &vec![7; 600_000]).1;
    fixture.registry.set_mood(RegistryMood::Lying);
    assert_eq!(code_of(fixture.pull_blob(layer).await).as_deref(), Some("upstream-invalid"));
    assert_eq!(code_of(fixture.pull_digest("latest").await).as_deref(), Some("upstream-invalid"));
    assert_eq!(code_of(fixture.pull_digest(manifest).await).as_deref(), Some("upstream-invalid"));
    fixture.registry.set_mood(RegistryMood::Endless);
    assert_eq!(code_of(fixture.pull_blob(layer).await).as_deref(), Some("upstream-blob-size"));
    assert_eq!(code_of(fixture.pull_digest("latest").await).as_deref(), Some("outbound-too-large"));
    fixture.registry.set_mood(RegistryMood::Redirecting);
    fixture.registry.lock_content().redirect_target = "http://10.11.12.13/secret".to_owned();
    assert_eq!(code_of(fixture.pull_blob(layer).await).as_deref(), Some("outbound-private"));
    fixture.registry.set_mood(RegistryMood::Usual);
    assert_eq!(code_of(fixture.pull_blob(huge).await).as_deref(), Some("upstream-blob-size"));
    assert_eq!((fixture.stored_bytes().await?, fixture.hearth.count_blobs().await?), (0, 0));
    assert_eq!(fixture.pull_blob(layer).await?.len(), 300_000);
    Ok(())
}

async fn upstream_is_signed_in_to_with_a_password_or_a_token(db: Db) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").map_err(Error::internal)?;
    let fixture = UpstreamFixture::build(db, json!({"user": "hearth", "password_file": password})).await?;
    for (number, sign_in) in [WantedSignIn::Basic, WantedSignIn::Token].into_iter().enumerate() {
        fixture.registry.lock_content().sign_in = sign_in;
        let layer = [u8::try_from(number).unwrap(); 10];
        let (manifest, digest) = fixture.registry.add_image("latest", &layer);
        assert_eq!(fixture.pull_digest(manifest).await?, manifest, "{sign_in:?}");
        assert_eq!(fixture.pull_blob(digest).await?, layer, "{sign_in:?}");
    }
    std::fs::write(&password, "wrong\n").map_err(Error::internal)?;
    fixture.advance_seconds(3600);
    let (manifest, _) = fixture.registry.add_image("latest", b"other");
    assert_eq!(code_of(fixture.pull_digest(manifest).await).as_deref(), Some("upstream-refused"));
    Ok(())
}

async fn least_recently_used_content_makes_room(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({"bytes": 1000})).await?;
    let layers: Vec<Digest> =
        (0..4_u8).map(|number| fixture.registry.add_image("latest", &[number; 300]).1).collect();
    for layer in &layers[..3] {
        fixture.pull_blob(*layer).await?;
        fixture.advance_seconds(3600);
    }
    // The first is used again, so that the second is the oldest.
    fixture.pull_blob(layers[0]).await?;
    fixture.pull_blob(layers[3]).await?;
    assert_eq!(fixture.stored_bytes().await?, 900);
    fixture.registry.take_requests();
    fixture.pull_blob(layers[0]).await?;
    assert!(fixture.registry.take_requests().is_empty());
    fixture.pull_blob(layers[1]).await?;
    assert_eq!(fixture.registry.take_requests().len(), 1);
    assert_eq!(fixture.hearth.count_blobs().await?, 3);
    Ok(())
}

async fn unused_content_is_deleted_after_its_days(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({"keep_days": 2})).await?;
    let (_, layer) = fixture.registry.add_image("latest", b"one");
    fixture.pull_digest("latest").await?;
    fixture.pull_blob(layer).await?;
    fixture.hearth.advance_hours(40);
    fixture.pull_digest("latest").await?;
    fixture.hearth.advance_hours(20);
    eviction::collect_upstreams(&fixture.hearth.cx).await?;
    assert_eq!(fixture.hearth.count_blobs().await?, 1, "the manifest was used later");
    fixture.hearth.advance_hours(48);
    eviction::collect_upstreams(&fixture.hearth.cx).await?;
    assert_eq!((fixture.stored_bytes().await?, fixture.hearth.count_blobs().await?), (0, 0));
    assert!(fixture.hearth.cx.store.list_stored_upstreams().await?.is_empty());
    Ok(())
}

async fn only_allowed_repositories_are_pulled(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({"repositories": ["library/", "team/base"]})).await?;
    let upstream = fixture.upstream();
    for (repository, allowed) in [
        ("library/tool", true),
        ("team/base", true),
        ("team/base2", false),
        ("library2/x", false),
        ("team", false),
    ] {
        let checked = upstream.check_repository(&repository.parse()?);
        assert_eq!(checked.is_ok(), allowed, "{repository}: {checked:?}");
    }
    Ok(())
}

async fn list_of_tags_has_only_valid_names(db: Db) -> Result<()> {
    let fixture = UpstreamFixture::build(db, json!({})).await?;
    let page = tag_lists::list_tags(
        &fixture.hearth.cx,
        &fixture.upstream(),
        &fixture.repository,
        "caller",
        (Some(2), Some(&"a".parse()?)),
    )
    .await?;
    let names: Vec<&str> = page.tags.iter().map(|tag| tag.as_str()).collect();
    assert_eq!((names, page.has_more), (vec!["a", "b"], true));
    Ok(())
}

on_every_store!(
    image_is_fetched_once_and_then_served_without_the_upstream,
    many_requests_wait_for_one_fetch,
    tag_is_compared_with_the_upstream_when_it_is_no_longer_fresh,
    stored_image_is_served_while_the_upstream_is_away,
    server_behind_a_redirect_gets_no_credential_of_the_upstream,
    errors_of_an_upstream_say_what_to_do,
    content_of_a_hostile_upstream_is_neither_stored_nor_completed,
    upstream_is_signed_in_to_with_a_password_or_a_token,
    least_recently_used_content_makes_room,
    unused_content_is_deleted_after_its_days,
    only_allowed_repositories_are_pulled,
    list_of_tags_has_only_valid_names,
);
