//! Which image a tool means.

use hearth_base::Result;
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::on_every_store;
use hearth_wire::{
    events::{After, Topic},
    images::internal::{ImageKind, TagEvent},
};
use serde_json::json;

use super::{Stage, digest};
use crate::{
    app::{
        parse::OCI_INDEX,
        resolve::{find_layers, resolve},
    },
    names::Space,
};

async fn an_own_image_is_found_by_tag_digest_and_full_name(db: Db) -> Result<()> {
    let stage = Stage::set(db, Config::default()).await?;
    let pushed = stage.push("web", "v1", b"layer").await?;
    let of = async |text: &str| resolve(&stage.cx, stage.tool(), text).await;
    let found = of("tool-hello/web:v1").await?;
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
        assert_eq!(of(text).await?.digest, pushed, "{text}");
    }
    for text in ["tool-hello/web", "tool-hello/other:v1", "tool-other/web:v1", "hearth/web:v1"] {
        assert_eq!(of(text).await.unwrap_err().code(), "no-such-image", "{text}");
    }
    let other = resolve(&stage.cx, stage.cx.id(), "tool-hello/web:v1").await;
    assert_eq!(other.unwrap_err().code(), "no-such-image");
    Ok(())
}

async fn layers_of_an_image_are_found_by_its_digest_alone(db: Db) -> Result<()> {
    let mut stage = Stage::set(db, Config::default()).await?;
    let tool = stage.tool();
    let own = stage.push("web", "v1", b"layer").await?;
    // The tag means something else by now; what was resolved before is still there.
    stage.push("web", "v1", b"another").await?;
    stage.space = Space::Provided;
    let provided = stage.push("python3.11", "latest", b"python").await?;
    for (manifest, layer) in [(own, &b"layer"[..]), (provided, b"python")] {
        let found = find_layers(&stage.cx, tool, manifest).await?.layers;
        let found: Vec<_> = found.iter().map(|layer| (layer.digest, layer.diff_id)).collect();
        assert_eq!(found, [(digest(layer), digest(layer))]);
    }
    for (asker, manifest) in [(stage.cx.id(), own), (tool, digest(b"no manifest"))] {
        let refused = find_layers(&stage.cx, asker, manifest).await;
        assert_eq!(refused.unwrap_err().code(), "manifest-unknown");
    }
    Ok(())
}

async fn a_tag_that_means_something_else_is_told_once(db: Db) -> Result<()> {
    let mut stage = Stage::set(db, Config::default()).await?;
    stage.push("web", "v1", b"layer").await?;
    stage.push("web", "v1", b"layer").await?;
    stage.push("web", "v1", b"another").await?;
    stage.push("web", "v2", b"another").await?;
    let by_digest = stage.push("web", "v1", b"another").await?;
    stage.push("web", &by_digest.to_string(), b"another").await?;
    let tool = stage.tool();
    stage.space = Space::Provided;
    stage.push("python3.11", "latest", b"python").await?;
    let events = stage.cx.store.events.read(TagEvent::TOPIC_INFO, &After::default()).await?.events;
    let own = |tag: &str| json!({"tool": tool, "image": "web", "tag": tag});
    let provided = json!({"image": "python3.11", "tag": "latest"});
    assert_eq!(
        events.iter().map(|event| &event.data).collect::<Vec<_>>(),
        [&own("v1"), &own("v1"), &own("v2"), &provided]
    );
    assert!(events.iter().all(|event| event.event_type == "image.tag.moved"));
    Ok(())
}

async fn provided_images_have_short_names_and_older_ones(db: Db) -> Result<()> {
    let mut stage = Stage::set(db, Config::default()).await?;
    let error = resolve(&stage.cx, stage.tool(), "python3.11").await.unwrap_err();
    assert_eq!(error.code(), "image-not-made");
    let tool = stage.tool();
    stage.space = Space::Provided;
    let pushed = stage.push("python3.11", "latest", b"python").await?;
    for text in ["python3.11", "tf-python39", "toolforge-python39-sssd-base"] {
        let found = resolve(&stage.cx, tool, text).await?;
        assert_eq!((found.image.as_str(), found.digest), ("python3.11", pushed), "{text}");
        assert_eq!((found.kind, found.state.as_str()), (ImageKind::Provided, "stable"));
    }
    let error = resolve(&stage.cx, tool, "python4").await.unwrap_err();
    assert!(error.next().is_some_and(|next| next.contains("python3.11")), "{error:?}");
    Ok(())
}

async fn of_an_index_the_image_for_this_machine_is_taken(db: Db) -> Result<()> {
    let stage = Stage::set(db, Config::default()).await?;
    let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let wanted = stage.push("web", "here", b"here").await?;
    let other = stage.push("web", "there", b"there").await?;
    let entry = |digest, architecture: &str| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": digest,
            "platform": {"os": "linux", "architecture": architecture}})
    };
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [entry(other, "s390x"), entry(wanted, here)]});
    stage.put("web", "latest", OCI_INDEX, &index).await?;
    assert_eq!(resolve(&stage.cx, stage.tool(), "tool-hello/web").await?.digest, wanted);
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(other, "s390x")]});
    stage.put("web", "latest", OCI_INDEX, &index).await?;
    let error = resolve(&stage.cx, stage.tool(), "tool-hello/web").await.unwrap_err();
    assert_eq!(error.code(), "image-unusable");
    Ok(())
}

on_every_store!(
    an_own_image_is_found_by_tag_digest_and_full_name,
    layers_of_an_image_are_found_by_its_digest_alone,
    a_tag_that_means_something_else_is_told_once,
    provided_images_have_short_names_and_older_ones,
    of_an_index_the_image_for_this_machine_is_taken,
);
