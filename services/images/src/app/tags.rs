//! Repositories and their tags.

use hearth_base::{Error, ErrorKind, Result};

use crate::{
    context::ImagesContext,
    names::{ImageName, RepositoryOwner},
    store::Repository,
};

/// Finds a repository, or fails with `name-unknown`.
pub async fn find_repository(
    cx: &ImagesContext,
    owner: &RepositoryOwner,
    name: &ImageName,
) -> Result<Repository> {
    cx.store.find_repository(&owner.owner_key(), name).await?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "name-unknown", format!("there is no image {owner}/{name}"))
    })
}

/// Deletes an image with all its tags. Pinned manifests stay until they are unpinned, and are then collected.
pub async fn delete_image(cx: &ImagesContext, owner: &RepositoryOwner, name: &ImageName) -> Result<()> {
    let repository = find_repository(cx, owner, name).await?;
    let tx = cx.store.begin().await?;
    cx.store.lock_repository(&tx, repository.id).await?;
    cx.store.delete_tags(&tx, repository.id, None, cx.now()).await?;
    tx.commit().await
}
