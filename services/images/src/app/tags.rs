//! Repositories and their tags.

use hearth_base::{Error, Kind, Result};

use crate::{
    cx::Cx,
    names::{ImageName, Space},
    store::Repository,
};

/// A repository that is there.
pub async fn repository(cx: &Cx, space: &Space, name: &ImageName) -> Result<Repository> {
    cx.store.repository(&space.owner(), name).await?.ok_or_else(|| {
        Error::new(Kind::NotFound, "name-unknown", format!("there is no image {space}/{name}"))
    })
}

/// Deletes an image with all its tags. What somebody relies on stays until they let it go, and is then collected.
pub async fn delete_image(cx: &Cx, space: &Space, name: &ImageName) -> Result<()> {
    let repository = repository(cx, space, name).await?;
    let tx = cx.store.begin().await?;
    cx.store.repository_locked(&tx, repository.id).await?;
    cx.store.tags_delete(&tx, repository.id, None, cx.now()).await?;
    tx.commit().await
}
