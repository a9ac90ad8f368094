//! Referrers: manifests that name another manifest as their subject, for example its signature or its list of
//! components (OCI distribution specification, "Listing Referrers").
//!
//! A referrer is kept while its repository has its subject. A manifest of release 0.1.0, or of a process of that
//! release, has not been examined for a subject: this is done before the next list or garbage collection.

use hearth_base::{Digest, Error, RepositoryId, Result};
use hearth_kit::db::Tx;
use hearth_wire::images::registry::REFERRERS_PAGE_SIZE;
use oci_spec::image::Descriptor;

use super::manifest_format::{self, ParsedManifest};
use crate::{
    context::ImagesContext,
    names::{ImageName, RepositoryOwner},
    store::{Manifest, Referrer, ReferrerFilter},
};

/// Maximum size of the descriptor of a referrer, which has the manifest's annotations, in bytes. A page of
/// [`REFERRERS_PAGE_SIZE`] stays below 4 MiB, which clients accept.
const MAX_DESCRIPTOR_BYTES: usize = 64 << 10;
/// Maximum length of the type of an artifact, in bytes (RFC 6838, section 4.2).
const MAX_ARTIFACT_TYPE_BYTES: usize = 255;

/// A page of the referrers of a manifest.
pub struct ReferrersPage {
    /// Descriptors as JSON documents.
    pub descriptors: Vec<Vec<u8>>,
    /// Digest of the last referrer, if there are more.
    pub next: Option<Digest>,
}

/// Describes a manifest for the list of its subject's referrers; `None` for a manifest without a subject.
pub fn describe_referrer(parsed: &ParsedManifest, manifest: &Manifest) -> Result<Option<Referrer>> {
    let (subject, artifact_type, annotations) = match parsed {
        ParsedManifest::Image(image) => {
            let named = image.artifact_type().as_ref().map(ToString::to_string);
            let named = named.filter(|named| !named.is_empty());
            let artifact_type = named.unwrap_or_else(|| image.config().media_type().to_string());
            (image.subject(), Some(artifact_type), image.annotations())
        }
        ParsedManifest::Index(index) => {
            let named = index.artifact_type().as_ref().map(ToString::to_string);
            (index.subject(), named.filter(|named| !named.is_empty()), index.annotations())
        }
    };
    let Some(subject) = subject else { return Ok(None) };
    let digest: oci_spec::image::Digest = manifest.digest.to_string().parse().map_err(Error::internal)?;
    let mut descriptor =
        Descriptor::new(manifest.media_type.as_str().into(), manifest.content.len() as u64, digest);
    descriptor.set_artifact_type(artifact_type.as_deref().map(Into::into));
    descriptor.set_annotations(annotations.clone());
    let descriptor = serde_json::to_vec(&descriptor).map_err(Error::internal)?;
    let artifact_type = artifact_type.unwrap_or_default();
    for (what, bytes, max) in [
        ("artifact type", artifact_type.len(), MAX_ARTIFACT_TYPE_BYTES),
        ("descriptor with its annotations", descriptor.len(), MAX_DESCRIPTOR_BYTES),
    ] {
        if bytes > max {
            let message = format!("the manifest is invalid: its {what} has {bytes} bytes; at most {max}");
            return Err(Error::invalid("manifest-invalid", message)
                .help("put large values into a blob, and push the manifest again"));
        }
    }
    let subject = manifest_format::parse_descriptor_digest(subject)?;
    Ok(Some(Referrer { subject, artifact_type, descriptor }))
}

/// Lists the referrers of a manifest, which the repository need not have, by digest.
pub async fn list_referrers(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    filter: ReferrerFilter,
) -> Result<ReferrersPage> {
    let Some(repository) = cx.store.find_repository(&owner.owner_key(), name).await? else {
        return Ok(ReferrersPage { descriptors: Vec::new(), next: None });
    };
    examine_manifests(cx, repository.id).await?;
    let mut rows = cx.store.list_referrers(repository.id, &filter, REFERRERS_PAGE_SIZE as u64 + 1).await?;
    let has_more = rows.len() > REFERRERS_PAGE_SIZE;
    rows.truncate(REFERRERS_PAGE_SIZE);
    let next = rows.last().filter(|_| has_more).map(|(digest, _)| *digest);
    Ok(ReferrersPage { descriptors: rows.into_iter().map(|(_, descriptor)| descriptor).collect(), next })
}

/// Examines manifests of a repository that a process of an older release stored.
pub async fn examine_manifests(cx: &ImagesContext, repository: RepositoryId) -> Result<()> {
    while cx.store.has_unexamined_manifest(repository).await? {
        let tx = cx.store.begin().await?;
        cx.store.lock_repository(&tx, repository).await?;
        examine_batch(cx, &tx, repository).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn examine_batch(cx: &ImagesContext, tx: &Tx, repository: RepositoryId) -> Result<()> {
    for manifest in cx.store.list_unexamined_manifests(tx, repository).await? {
        let parsed = manifest_format::parse_manifest(Some(&manifest.media_type), &manifest.content);
        // An older release accepted it. What this one would refuse is no referrer, and can still be pulled.
        let referrer = parsed.and_then(|(_, parsed)| describe_referrer(&parsed, &manifest)).ok().flatten();
        cx.store.set_referrer(tx, repository, manifest.digest, referrer).await?;
    }
    Ok(())
}
