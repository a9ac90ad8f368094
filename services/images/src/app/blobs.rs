//! Blobs that are there.

use hearth_base::{Digest, Error, Kind, Result};

use super::tags;
use crate::{
    cx::Cx,
    names::{ImageName, Space},
    store::Content,
};

/// A blob of a repository. Whoever asks after one may be about to rely on it without sending it again, so that it
/// is kept for a time of grace from here on.
pub async fn find(cx: &Cx, space: &Space, name: &ImageName, digest: Digest) -> Result<Content> {
    let unknown =
        || Error::new(Kind::NotFound, "blob-unknown", format!("{space}/{name} has no blob {digest}"));
    let repository = tags::repository(cx, space, name).await?;
    let since = cx.store.link(repository.id, digest).await?.ok_or_else(unknown)?;
    let now = cx.now();
    if now.duration_since(since) > cx.grace() / 2 {
        let tx = cx.store.begin().await?;
        if !cx.store.link_touch(&tx, repository.id, digest, now).await? {
            return Err(unknown());
        }
        tx.commit().await?;
    }
    cx.store.content(digest).await?.ok_or_else(unknown)
}

/// Takes a blob from a repository, unless one of its manifests needs it.
pub async fn delete(cx: &Cx, space: &Space, name: &ImageName, digest: Digest) -> Result<()> {
    let repository = tags::repository(cx, space, name).await?;
    let tx = cx.store.begin().await?;
    cx.store.repository_locked(&tx, repository.id).await?;
    if cx.store.is_needed(&tx, repository.id, digest).await? {
        return Err(Error::conflict("blob-needed", format!("a manifest of {space}/{name} needs {digest}"))
            .help("delete that manifest first"));
    }
    let there = cx.store.link_delete(&tx, repository.id, digest).await?;
    tx.commit().await?;
    match there {
        true => Ok(()),
        false => {
            Err(Error::new(Kind::NotFound, "blob-unknown", format!("{space}/{name} has no blob {digest}")))
        }
    }
}
