//! Tests of image resolution.

use hearth_base::{PageLimit, Result};
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::on_every_store;
use hearth_wire::{
    events::{EventsQuery, Topic},
    images::internal::{ImageKind, TagEvent},
};
use serde_json::json;

use super::{ImagesFixture, compute_digest};
use crate::{
    app::{
        manifest_format::OCI_INDEX,
        resolution::{find_layers, resolve_image},
        usable::list_tool_images,
    },
    names::RepositoryOwner,
};

async fn own_image_is_found_by_tag_digest_and_full_name(db: Db) -> Result<()> {
    let fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    let pushed = fixture.push_image("web", "v1", b"layer").await?;
    let resolve = async |text: &str| resolve_image(&fixture.cx, fixture.tool_id(), text).await;
    let found = resolve("tool-hello/web:v1").await?;
    assert_eq!(
        (found.digest, found.kind, found.image.as_str()),
        (pushed, ImageKind::Built, "tool-hello/web:v1")
    );
    assert_eq!(found.reference, format!("localhost:8080/tool-hello/web:v1@{pushed}"));
    assert_eq!(
        (found.config.cmd.as_slice(), found.config.env.as_slice()),
        (&["serve".to_owned()][..], &["A=b".to_owned()][..])
    );
    assert_eq!(found.config.labels["org.hearth.processes"], "{}");
    for text in [
        &found.reference,
        &format!("hearth.internal:80/tool-hello/web:v1@{pushed}"),
        &format!("tool-hello/web@{pushed}"),
    ] {
        assert_eq!(resolve(text).await?.digest, pushed, "{text}");
    }
    for text in ["tool-hello/web", "tool-hello/other:v1", "tool-other/web:v1", "hearth/web:v1"] {
        assert_eq!(resolve(text).await.unwrap_err().code(), "no-such-image", "{text}");
    }
    let other = resolve_image(&fixture.cx, fixture.cx.generate_id(), "tool-hello/web:v1").await;
    assert_eq!(other.unwrap_err().code(), "no-such-image");
    Ok(())
}

async fn usable_images_of_a_tool_are_listed_over_all_pages(db: Db) -> Result<()> {
    let fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    let mut pushed = Vec::new();
    for (name, tag) in [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1"), ("d", "1")] {
        fixture.push_image(name, tag, b"layer").await?;
        pushed.push(format!("tool-hello/{name}:{tag}"));
    }
    let listed = list_tool_images(&fixture.cx, fixture.tool_id(), PageLimit::new(2)?).await?;
    assert_eq!(listed.into_iter().map(|image| image.image).collect::<Vec<_>>(), pushed);
    Ok(())
}

async fn layers_of_an_image_are_found_by_its_digest_alone(db: Db) -> Result<()> {
    let mut fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    let tool = fixture.tool_id();
    let own = fixture.push_image("web", "v1", b"layer").await?;
    // The tag points to another manifest now; the manifest that was resolved before still exists.
    fixture.push_image("web", "v1", b"another").await?;
    fixture.owner = RepositoryOwner::Provided;
    let provided = fixture.push_image("python3.11", "latest", b"python").await?;
    for (manifest, layer) in [(own, &b"layer"[..]), (provided, b"python")] {
        let found = find_layers(&fixture.cx, tool, manifest).await?.layers;
        let found: Vec<_> = found.iter().map(|layer| (layer.digest, layer.diff_id)).collect();
        assert_eq!(found, [(compute_digest(layer), compute_digest(layer))]);
    }
    for (asker, manifest) in [(fixture.cx.generate_id(), own), (tool, compute_digest(b"no manifest"))] {
        let refused = find_layers(&fixture.cx, asker, manifest).await;
        assert_eq!(refused.unwrap_err().code(), "manifest-unknown");
    }
    Ok(())
}

async fn moved_tag_emits_one_event(db: Db) -> Result<()> {
    let mut fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    fixture.push_image("web", "v1", b"layer").await?;
    fixture.push_image("web", "v1", b"layer").await?;
    fixture.push_image("web", "v1", b"another").await?;
    fixture.push_image("web", "v2", b"another").await?;
    let by_digest = fixture.push_image("web", "v1", b"another").await?;
    fixture.push_image("web", &by_digest.to_string(), b"another").await?;
    let tool = fixture.tool_id();
    fixture.owner = RepositoryOwner::Provided;
    fixture.push_image("python3.11", "latest", b"python").await?;
    let events = fixture.cx.store.events.read(TagEvent::TOPIC_INFO, &EventsQuery::default()).await?.events;
    let own = |tag: &str| json!({"tool": tool, "image": "web", "tag": tag});
    let provided = json!({"image": "python3.11", "tag": "latest"});
    assert_eq!(
        events.iter().map(|event| &event.data).collect::<Vec<_>>(),
        [&own("v1"), &own("v1"), &own("v2"), &provided]
    );
    assert!(events.iter().all(|event| event.event_type == "image.tag.moved"));
    Ok(())
}

async fn provided_images_have_short_names_and_aliases(db: Db) -> Result<()> {
    let mut fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    let error = resolve_image(&fixture.cx, fixture.tool_id(), "python3.11").await.unwrap_err();
    assert_eq!(error.code(), "image-not-made");
    let tool = fixture.tool_id();
    fixture.owner = RepositoryOwner::Provided;
    let pushed = fixture.push_image("python3.11", "latest", b"python").await?;
    for text in ["python3.11", "tf-python39", "toolforge-python39-sssd-base"] {
        let found = resolve_image(&fixture.cx, tool, text).await?;
        assert_eq!((found.image.as_str(), found.digest), ("python3.11", pushed), "{text}");
        assert_eq!((found.kind, found.state.as_str()), (ImageKind::Provided, "stable"));
    }
    let error = resolve_image(&fixture.cx, tool, "python4").await.unwrap_err();
    assert!(error.help_text().is_some_and(|next| next.contains("python3.11")), "{error:?}");
    Ok(())
}

async fn index_resolves_to_the_image_for_this_platform(db: Db) -> Result<()> {
    let fixture = ImagesFixture::build(db, HearthConfig::default()).await?;
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let wanted = fixture.push_image("web", "here", b"here").await?;
    let other = fixture.push_image("web", "there", b"there").await?;
    let entry = |digest, architecture: &str| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": digest,
            "platform": {"os": "linux", "architecture": architecture}})
    };
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [entry(other, "s390x"), entry(wanted, architecture)]});
    fixture.put_manifest("web", "latest", OCI_INDEX, &index).await?;
    assert_eq!(resolve_image(&fixture.cx, fixture.tool_id(), "tool-hello/web").await?.digest, wanted);
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(other, "s390x")]});
    fixture.put_manifest("web", "latest", OCI_INDEX, &index).await?;
    let error = resolve_image(&fixture.cx, fixture.tool_id(), "tool-hello/web").await.unwrap_err();
    assert_eq!(error.code(), "image-unusable");
    Ok(())
}

on_every_store!(
    own_image_is_found_by_tag_digest_and_full_name,
    layers_of_an_image_are_found_by_its_digest_alone,
    usable_images_of_a_tool_are_listed_over_all_pages,
    moved_tag_emits_one_event,
    provided_images_have_short_names_and_aliases,
    index_resolves_to_the_image_for_this_platform,
);
