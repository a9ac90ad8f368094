//! Blobs of a repository: lookup and deletion.

use hearth_base::{Digest, Error, ErrorKind, Result};

use super::tags;
use crate::{
    context::ImagesContext,
    names::{ImageName, RepositoryOwner},
    store::BlobContent,
};

/// Finds a blob of a repository. A client that looks a blob up may rely on it without sending it again, so a
/// lookup renews the blob's grace period (written at most once per half period).
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
    if now.duration_since(since) > cx.grace_period() / 2 {
        let tx = cx.store.begin().await?;
        if !cx.store.touch_link(&tx, repository.id, digest, now).await? {
            return Err(unknown());
        }
        tx.commit().await?;
    }
    cx.store.find_content(digest).await?.ok_or_else(unknown)
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
