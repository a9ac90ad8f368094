//! Blobs of a repository: lookup and deletion.

use hearth_base::{Digest, Error, ErrorKind, Result, ToolId};
use jiff::SignedDuration;

use super::tags;
use crate::{
    context::ImagesContext,
    names::{ImageName, PROVIDED_OWNER, RepositoryOwner},
    store::BlobContent,
};

/// Age from which a lookup renews the grace period: less than the short grace period of a tool near its
/// quota.
const MAX_LOOKUP_AGE: SignedDuration = SignedDuration::from_mins(10);

/// Finds a blob of a repository. A client that looks a blob up may rely on it without sending it again, so a
/// lookup renews the blob's grace period (written at most once in [`MAX_LOOKUP_AGE`] or half a grace period).
pub async fn find_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    digest: Digest,
) -> Result<BlobContent> {
    let unknown =
        || Error::new(ErrorKind::NotFound, "blob-unknown", format!("{owner}/{name} has no blob {digest}"));
    let repository = tags::find_repository(cx, owner, name).await?;
    let since = cx.store.find_link(repository.id, digest).await?.ok_or_else(unknown)?;
    let now = cx.now();
    if now.duration_since(since) > (cx.grace_period() / 2).min(MAX_LOOKUP_AGE) {
        let tx = cx.store.begin().await?;
        if !cx.store.touch_link(&tx, repository.id, digest, now).await? {
            return Err(unknown());
        }
        tx.commit().await?;
    }
    cx.store.find_content(digest).await?.ok_or_else(unknown)
}

/// Finds a blob that a tool may read, by the digest of its bytes: one of its own repositories or a provided
/// one has it. Without a tool, for services of release 0.1, any blob.
pub async fn find_readable_blob(
    cx: &ImagesContext,
    tool: Option<ToolId>,
    digest: Digest,
) -> Result<BlobContent> {
    let found = match tool {
        Some(tool) => {
            cx.store.find_owned_content(digest, &[tool.to_string(), PROVIDED_OWNER.to_owned()]).await?
        }
        None => cx.store.find_content(digest).await?,
    };
    let unknown =
        || Error::new(ErrorKind::NotFound, "blob-unknown", format!("the blob {digest} does not exist"));
    found.ok_or_else(unknown)
}

/// Removes a blob from a repository. Fails with `blob-needed` while a manifest of the repository refers to
/// it.
pub async fn delete_blob(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
    digest: Digest,
) -> Result<()> {
    let repository = tags::find_repository(cx, owner, name).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_repository(&tx, repository.id).await?;
    if cx.store.is_needed(&tx, repository.id, digest).await? {
        return Err(Error::conflict(
            "blob-needed",
            format!("the blob {digest} is in use by a manifest of {owner}/{name}"),
        )
        .help("delete the manifest first"));
    }
    let existed = cx.store.delete_link(&tx, repository.id, digest).await?;
    tx.commit().await?;
    match existed {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::NotFound,
            "blob-unknown",
            format!("{owner}/{name} has no blob {digest}"),
        )),
    }
}
