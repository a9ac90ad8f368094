//! Manifests (OCI distribution specification, "Pushing manifests", "Pulling manifests").

use hearth_base::{Digest, Error, ErrorKind, Result};
use hearth_kit::events::NewEvent;
use hearth_wire::images::internal::{TagEvent, TagMoved};
use sha2::{Digest as _, Sha256};

use super::{
    image_config,
    manifest_format::{self, BlobDescriptor, ParsedManifest},
    quota, referrers, tags,
};
use crate::{
    context::ImagesContext,
    names::{ImageName, ManifestReference, RepositoryOwner, TagName},
    store::Manifest,
};

/// A manifest that was stored.
#[derive(Debug)]
pub struct PushedManifest {
    pub digest: Digest,
    /// Manifest that it refers to as its subject.
    pub subject: Option<Digest>,
}

/// Stores a manifest under a tag or its digest. Each blob and manifest that it refers to must already be in
/// the repository, otherwise the error is `manifest-blob-unknown`; its subject need not be. A tag that now points to another manifest
/// emits `image.tag.moved` in the same transaction.
pub async fn push_manifest(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    reference: &ManifestReference,
    media_type: Option<&str>,
    content: &[u8],
) -> Result<PushedManifest> {
    let digest = Digest::new(Sha256::digest(content).into());
    if let ManifestReference::Digest(wanted) = reference
        && *wanted != digest
    {
        let what = format!("the digest of the manifest is wrong: {digest}; expected {wanted}");
        return Err(Error::invalid("digest-invalid", what));
    }
    let (media_type, parsed) = manifest_format::parse_manifest(media_type, content)?;
    let (blobs, manifests) = (parsed.list_blobs()?, parsed.list_manifest_digests()?);
    let manifest = Manifest { digest, media_type, content: content.to_owned() };
    let referrer = referrers::describe_referrer(&parsed, &manifest)?;
    let subject = referrer.as_ref().map(|referrer| referrer.subject);
    if let ParsedManifest::Image(image) = &parsed
        && let Some(repository) = cx.store.find_repository(&owner.owner_key(), name).await?
    {
        image_config::check_pushed_configuration(cx, repository.id, image).await?;
    }
    let quota = quota::find_quota(cx, owner).await?;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.lock_or_create_repository(&tx, cx.generate_id(), owner, name, now).await?;
    for BlobDescriptor { digest, size, is_required } in &blobs {
        match cx.store.find_linked_size(&tx, repository.id, *digest).await? {
            Some(found) if found == *size => {}
            Some(found) => return Err(build_size_error(*digest, *size, found)),
            None if !is_required => {}
            None => return Err(build_missing_error(owner, name, "blob", *digest)),
        }
    }
    for listed in &manifests {
        if !cx.store.has_manifest(&tx, repository.id, *listed).await? {
            return Err(build_missing_error(owner, name, "manifest", *listed));
        }
    }
    let all = blobs.iter().map(|blob| blob.digest).chain(manifests);
    cx.store.upsert_manifest(&tx, repository.id, (&manifest, referrer), all, now).await?;
    if let ManifestReference::Tag(tag) = reference
        && cx.store.put_tag(&tx, repository.id, tag, digest, now).await?
    {
        let tool = if let RepositoryOwner::Tool(id, _) = owner { Some(*id) } else { None };
        let moved = TagEvent::Moved(TagMoved { tool, image: name.clone(), tag: tag.to_string() });
        cx.store.events.append(&tx, [NewEvent::new(cx.generate_id(), now, &moved)?]).await?;
    }
    quota.check_usage(cx, &tx).await?;
    tx.commit().await?;
    Ok(PushedManifest { digest, subject })
}

/// Finds a manifest by its tag or digest.
pub async fn find_manifest(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    reference: &ManifestReference,
) -> Result<Manifest> {
    let repository = tags::find_repository(cx, owner, name).await?;
    let digest = match reference {
        ManifestReference::Digest(digest) => *digest,
        ManifestReference::Tag(tag) => {
            let tag = cx.store.find_tag(repository.id, tag).await?;
            tag.ok_or_else(|| build_unknown_error(owner, name, reference))?.digest
        }
    };
    cx.store
        .find_manifest(repository.id, digest)
        .await?
        .ok_or_else(|| build_unknown_error(owner, name, reference))
}

/// Deletes a tag, or a manifest with all its tags. A manifest that is pinned or part of an index is refused
/// with `manifest-in-use`; after the deletion of its tag it stays until it is unpinned.
pub async fn delete_reference(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    reference: &ManifestReference,
) -> Result<()> {
    let digest = match reference {
        ManifestReference::Tag(tag) => return delete_tag(cx, owner, name, tag).await,
        ManifestReference::Digest(digest) => *digest,
    };
    let repository = tags::find_repository(cx, owner, name).await?;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    cx.store.lock_repository(&tx, repository.id).await?;
    // A pin of another tool protects the same manifest in that tool's own repository.
    let tool = if let RepositoryOwner::Tool(id, _) = owner { Some(*id) } else { None };
    if let Some(holder) = cx.store.find_pin_holder(&tx, tool, digest).await? {
        let what = format!("{owner}/{name}@{digest} is in use by {holder}");
        return Err(Error::conflict("manifest-in-use", what)
            .help("delete its tag: the manifest is deleted once nothing uses it"));
    }
    if cx.store.is_needed(&tx, repository.id, digest).await? {
        let what = format!("{owner}/{name}@{digest} is part of an index");
        return Err(Error::conflict("manifest-in-use", what).help("delete the index first"));
    }
    cx.store.delete_tags(&tx, repository.id, Some(digest), now).await?;
    let existed = cx.store.delete_manifest(&tx, repository.id, digest).await?;
    tx.commit().await?;
    if existed { Ok(()) } else { Err(build_unknown_error(owner, name, reference)) }
}

async fn delete_tag(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    tag: &TagName,
) -> Result<()> {
    let repository = tags::find_repository(cx, owner, name).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_repository(&tx, repository.id).await?;
    let existed = cx.store.delete_tag(&tx, repository.id, tag, cx.now()).await?;
    tx.commit().await?;
    if existed { Ok(()) } else { Err(build_unknown_error(owner, name, &ManifestReference::Tag(tag.clone()))) }
}

fn build_missing_error(owner: &RepositoryOwner, name: &ImageName, what: &str, digest: Digest) -> Error {
    let text = format!("{owner}/{name} has no {what} {digest}, which the manifest refers to");
    Error::new(ErrorKind::NotFound, "manifest-blob-unknown", text)
        .help("push the image's blobs before its manifest")
}

fn build_size_error(digest: Digest, declared: u64, found: u64) -> Error {
    let what = format!("the manifest is invalid: the size of the blob {digest} is {found}, not {declared}");
    Error::invalid("manifest-invalid", what).help("push the image again")
}

fn build_unknown_error(owner: &RepositoryOwner, name: &ImageName, reference: &ManifestReference) -> Error {
    let between = if matches!(reference, ManifestReference::Tag(_)) { ':' } else { '@' };
    Error::new(
        ErrorKind::NotFound,
        "manifest-unknown",
        format!("there is no image {owner}/{name}{between}{reference}"),
    )
}
