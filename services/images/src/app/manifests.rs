//! Manifests (OCI distribution specification, "Pushing manifests", "Pulling manifests").

use hearth_base::{Digest, Error, Kind, Result};
use hearth_kit::events::NewEvent;
use hearth_wire::images::internal::{TagEvent, TagMoved};
use sha2::{Digest as _, Sha256};

use super::{parse, tags};
use crate::{
    cx::Cx,
    names::{ImageName, Reference, Space, TagName},
    store::Manifest,
};

/// Keeps a manifest under a tag or its digest. Everything that it needs has to be in the repository already.
pub async fn put(
    cx: &Cx,
    space: &Space,
    name: &ImageName,
    reference: &Reference,
    media_type: Option<&str>,
    content: &[u8],
) -> Result<Digest> {
    let digest = Digest::new(Sha256::digest(content).into());
    if let Reference::Digest(wanted) = reference
        && *wanted != digest
    {
        let what = format!("the manifest has the digest {digest}, and not {wanted}");
        return Err(Error::invalid("digest-invalid", what));
    }
    let (media_type, parsed) = parse::parse(media_type, content)?;
    let (blobs, manifests) = (parsed.blobs()?, parsed.manifests()?);
    let now = cx.now();
    let tx = cx.store.begin().await?;
    let repository = cx.store.repository_for(&tx, cx.id(), space, name, now).await?;
    for blob in &blobs {
        if !cx.store.has_link(&tx, repository.id, *blob).await? {
            return Err(needs(space, name, "blob", *blob));
        }
    }
    for manifest in &manifests {
        if !cx.store.has_manifest(&tx, repository.id, *manifest).await? {
            return Err(needs(space, name, "manifest", *manifest));
        }
    }
    let manifest = Manifest { digest, media_type, content: content.to_owned() };
    let all = blobs.into_iter().chain(manifests);
    cx.store.manifest_put(&tx, repository.id, &manifest, all, now).await?;
    if let Reference::Tag(tag) = reference
        && cx.store.tag_put(&tx, repository.id, tag, digest, now).await?
    {
        let tool = if let Space::Tool(id, _) = space { Some(*id) } else { None };
        let moved = TagEvent::Moved(TagMoved { tool, image: name.clone(), tag: tag.to_string() });
        cx.store.events.append(&tx, [NewEvent::new(cx.id(), now, &moved)?]).await?;
    }
    tx.commit().await?;
    Ok(digest)
}

/// A manifest by its tag or digest.
pub async fn find(cx: &Cx, space: &Space, name: &ImageName, reference: &Reference) -> Result<Manifest> {
    let repository = tags::repository(cx, space, name).await?;
    let digest = match reference {
        Reference::Digest(digest) => *digest,
        Reference::Tag(tag) => {
            let tag = cx.store.tag(repository.id, tag).await?;
            tag.ok_or_else(|| unknown(space, name, reference))?.digest
        }
    };
    cx.store.manifest(repository.id, digest).await?.ok_or_else(|| unknown(space, name, reference))
}

/// Takes a tag away, or a manifest with all its tags. What somebody relies on stays until they let it go.
pub async fn delete(cx: &Cx, space: &Space, name: &ImageName, reference: &Reference) -> Result<()> {
    let digest = match reference {
        Reference::Tag(tag) => return delete_tag(cx, space, name, tag).await,
        Reference::Digest(digest) => *digest,
    };
    let repository = tags::repository(cx, space, name).await?;
    let now = cx.now();
    let tx = cx.store.begin().await?;
    cx.store.repository_locked(&tx, repository.id).await?;
    if let Some(holder) = cx.store.pin_of(&tx, digest).await? {
        let what = format!("{space}/{name}@{digest} is in use by {holder}");
        return Err(
            Error::conflict("manifest-in-use", what).help("delete its tag: the rest goes when it is free")
        );
    }
    if cx.store.is_needed(&tx, repository.id, digest).await? {
        let what = format!("{space}/{name}@{digest} is part of an index");
        return Err(Error::conflict("manifest-in-use", what).help("delete the index first"));
    }
    cx.store.tags_delete(&tx, repository.id, Some(digest), now).await?;
    let there = cx.store.manifest_delete(&tx, repository.id, digest).await?;
    tx.commit().await?;
    if there { Ok(()) } else { Err(unknown(space, name, reference)) }
}

async fn delete_tag(cx: &Cx, space: &Space, name: &ImageName, tag: &TagName) -> Result<()> {
    let repository = tags::repository(cx, space, name).await?;
    let tx = cx.store.begin().await?;
    cx.store.repository_locked(&tx, repository.id).await?;
    let there = cx.store.tag_delete(&tx, repository.id, tag, cx.now()).await?;
    tx.commit().await?;
    if there { Ok(()) } else { Err(unknown(space, name, &Reference::Tag(tag.clone()))) }
}

fn needs(space: &Space, name: &ImageName, what: &str, digest: Digest) -> Error {
    let text = format!("the manifest needs the {what} {digest}, which {space}/{name} does not have");
    Error::new(Kind::NotFound, "manifest-blob-unknown", text).help("push what an image is made of before it")
}

fn unknown(space: &Space, name: &ImageName, reference: &Reference) -> Error {
    let between = if matches!(reference, Reference::Tag(_)) { ':' } else { '@' };
    Error::new(
        Kind::NotFound,
        "manifest-unknown",
        format!("there is no image {space}/{name}{between}{reference}"),
    )
}
