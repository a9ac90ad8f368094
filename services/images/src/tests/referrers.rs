//! Tests of referrers.

use hearth_base::{Digest, Result};
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::on_every_store;
use hearth_wire::images::{internal::ArtifactAttach, registry::REFERRERS_PAGE_SIZE};
use serde_json::{Value, json};

use super::ImagesFixture;
use crate::{
    ImagesSettings,
    app::{
        artifacts, garbage_collection,
        manifest_format::{OCI_INDEX, OCI_MANIFEST},
        manifests, referrers,
    },
    store::ReferrerFilter,
};

const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
const SIGNATURE_TYPE: &str = "application/x.test.signature+json";

async fn build_fixture(db: Db) -> Result<ImagesFixture> {
    ImagesFixture::build(db, HearthConfig::default()).await
}

/// Pushes an artifact without a tag that refers to `subject`.
async fn push_referrer(
    fixture: &ImagesFixture,
    name: &str,
    subject: Digest,
    artifact_type: &str,
    note: &str,
) -> Result<Digest> {
    let empty = fixture.push_blob(name, b"{}").await?;
    let blob = fixture.push_blob(name, note.as_bytes()).await?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
        "config": {"mediaType": EMPTY_MEDIA_TYPE, "size": 2, "digest": empty},
        "layers": [{"mediaType": "text/plain", "size": note.len(), "digest": blob}],
        "subject": {"mediaType": OCI_MANIFEST, "size": 1, "digest": subject},
        "annotations": {"note": note},
    });
    let digest = super::compute_digest(manifest.to_string().as_bytes());
    fixture.put_manifest(name, &digest.to_string(), OCI_MANIFEST, &manifest).await
}

/// Lists all referrers of a subject, page by page.
async fn list_all_referrers(
    fixture: &ImagesFixture,
    name: &str,
    subject: Digest,
    artifact_type: Option<&str>,
) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let filter = ReferrerFilter { subject, artifact_type: artifact_type.map(str::to_owned), after };
        let page = referrers::list_referrers(&fixture.cx, &fixture.owner, &name.parse()?, filter).await?;
        assert!(page.descriptors.len() <= REFERRERS_PAGE_SIZE);
        all.extend(page.descriptors.iter().map(|text| serde_json::from_slice::<Value>(text).expect("JSON")));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn referrer_is_kept_while_its_subject_lives(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let signature = push_referrer(&fixture, "web", image, SIGNATURE_TYPE, "signed").await?;
    let about_it = push_referrer(&fixture, "web", signature, SIGNATURE_TYPE, "countersigned").await?;
    let other = fixture.push_image("other", "latest", b"another layer").await?;
    let stray = push_referrer(&fixture, "web", other, SIGNATURE_TYPE, "stray").await?;
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_manifest("web", signature).await? && fixture.has_manifest("web", about_it).await?);
    assert!(fixture.has_blob("web", super::compute_digest(b"signed")).await?);
    assert!(!fixture.has_manifest("web", stray).await?, "its subject is in another repository");

    let (name, tag) = ("web".parse()?, image.to_string().parse()?);
    manifests::delete_reference(&fixture.cx, &fixture.owner, &name, &tag).await?;
    assert_eq!(list_all_referrers(&fixture, "web", image, None).await?.len(), 1, "until it is collected");
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(!fixture.has_manifest("web", signature).await? && !fixture.has_manifest("web", about_it).await?);
    assert!(!fixture.has_blob("web", super::compute_digest(b"signed")).await?);
    Ok(())
}

async fn referrers_are_listed_in_pages_by_type_with_annotations(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let number = REFERRERS_PAGE_SIZE + 3;
    for note in 0..number {
        push_referrer(&fixture, "web", image, SIGNATURE_TYPE, &format!("note {note}")).await?;
    }
    let list = push_referrer(&fixture, "web", image, "application/x.test.list+json", "listed").await?;
    assert_eq!(list_all_referrers(&fixture, "web", image, None).await?.len(), number + 1);
    assert_eq!(list_all_referrers(&fixture, "web", image, Some(SIGNATURE_TYPE)).await?.len(), number);
    let lists = list_all_referrers(&fixture, "web", image, Some("application/x.test.list+json")).await?;
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0]["digest"], list.to_string());
    assert_eq!(
        (&lists[0]["mediaType"], &lists[0]["annotations"]["note"]),
        (&json!(OCI_MANIFEST), &json!("listed"))
    );
    assert_eq!(list_all_referrers(&fixture, "web", list, None).await?, Vec::<Value>::new());
    assert_eq!(list_all_referrers(&fixture, "nothing", image, None).await?, Vec::<Value>::new());
    Ok(())
}

async fn manifests_of_an_older_release_are_listed_and_kept_as_referrers(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let signature = push_referrer(&fixture, "web", image, SIGNATURE_TYPE, "signed").await?;
    let forget_subjects = async || {
        let tx = fixture.cx.store.begin().await?;
        fixture.cx.store.forget_subjects(&tx).await?;
        tx.commit().await
    };
    forget_subjects().await?;
    let listed = list_all_referrers(&fixture, "web", image, Some(SIGNATURE_TYPE)).await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["digest"], signature.to_string());
    forget_subjects().await?;
    fixture.advance_hours(1000);
    garbage_collection::collect_garbage(&fixture.cx).await?;
    assert!(fixture.has_manifest("web", signature).await?);
    Ok(())
}

async fn referrers_count_for_the_quota_and_are_bounded(db: Db) -> Result<()> {
    let config = HearthConfig::default().with_section::<ImagesSettings>(|images| images.tool_manifests = 2);
    let fixture = ImagesFixture::build(db, config).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let large =
        push_referrer(&fixture, "web", image, SIGNATURE_TYPE, &"x".repeat(100_000)).await.unwrap_err();
    assert_eq!(large.code(), "manifest-invalid");
    assert!(large.public_message().contains("at most 65536"), "{}", large.public_message());
    push_referrer(&fixture, "web", image, SIGNATURE_TYPE, "first").await?;
    let second = push_referrer(&fixture, "web", image, SIGNATURE_TYPE, "second").await.unwrap_err();
    assert_eq!(second.code(), "registry-quota");
    Ok(())
}

async fn attached_artifact_is_listed_once_and_only_for_an_image_of_the_tool(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let attach = ArtifactAttach {
        tool: fixture.tool_id(),
        image: "web".parse()?,
        subject: image,
        artifact_type: SIGNATURE_TYPE.to_owned(),
        content: "{\"signed\": true}".to_owned(),
    };
    let first = artifacts::attach_artifact(&fixture.cx, attach.clone()).await?;
    assert_eq!(artifacts::attach_artifact(&fixture.cx, attach.clone()).await?, first);
    let listed = list_all_referrers(&fixture, "web", image, Some(SIGNATURE_TYPE)).await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["digest"], first.to_string());
    assert!(fixture.has_blob("web", super::compute_digest(attach.content.as_bytes())).await?);
    for other in [
        ArtifactAttach { tool: fixture.cx.generate_id(), ..attach.clone() },
        ArtifactAttach { image: "other".parse()?, ..attach.clone() },
        ArtifactAttach { subject: super::compute_digest(b"another"), ..attach },
    ] {
        let refused = artifacts::attach_artifact(&fixture.cx, other).await.unwrap_err();
        assert_eq!(refused.code(), "manifest-unknown");
    }
    Ok(())
}

async fn index_with_a_subject_is_a_referrer(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let image = fixture.push_image("web", "latest", b"layer").await?;
    let subject = json!({"mediaType": OCI_MANIFEST, "size": 1, "digest": image});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": subject});
    let index = fixture.put_manifest("web", "index", OCI_INDEX, &index).await?;
    let listed = list_all_referrers(&fixture, "web", image, None).await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["digest"], index.to_string());
    assert!(listed[0].get("artifactType").is_none());
    Ok(())
}

async fn non_distributable_layer_need_not_be_pushed_and_does_not_run(db: Db) -> Result<()> {
    let fixture = build_fixture(db).await?;
    let config = fixture.push_blob("web", &super::build_image_config(b"layer")).await?;
    let size = super::build_image_config(b"layer").len();
    let layer = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": size, "digest": config},
        "layers": [{"mediaType": layer, "size": 5, "digest": super::compute_digest(b"layer")}],
    });
    fixture.put_manifest("web", "latest", OCI_MANIFEST, &manifest).await?;
    let resolved =
        crate::app::resolution::resolve_image(&fixture.cx, fixture.tool_id(), "tool-hello/web:latest");
    assert_eq!(resolved.await.unwrap_err().code(), "image-unusable");
    Ok(())
}

on_every_store!(
    referrer_is_kept_while_its_subject_lives,
    referrers_are_listed_in_pages_by_type_with_annotations,
    manifests_of_an_older_release_are_listed_and_kept_as_referrers,
    referrers_count_for_the_quota_and_are_bounded,
    attached_artifact_is_listed_once_and_only_for_an_image_of_the_tool,
    index_with_a_subject_is_a_referrer,
    non_distributable_layer_need_not_be_pushed_and_does_not_run,
);
