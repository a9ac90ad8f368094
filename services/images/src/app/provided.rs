//! Images provided to all tools, as listed in the settings.

use hearth_base::{Digest, Error, Result};

use crate::{
    ProvidedImage,
    context::ImagesContext,
    names::{ImageName, RepositoryOwner, TagName},
};

/// Tag of provided images.
pub const PROVIDED_TAG: &str = "latest";

/// Finds a provided image by its short name or an alias.
pub fn find_image<'a>(cx: &'a ImagesContext, text: &str) -> Option<(&'a str, &'a ProvidedImage)> {
    let all = &cx.settings.provided;
    all.get_key_value(text)
        .or_else(|| all.iter().find(|(_, provided)| provided.aliases.iter().any(|alias| alias == text)))
        .map(|(name, provided)| (name.as_str(), provided))
}

/// Returns the repository of a provided image. An invalid setting is an internal error.
pub fn parse_repository(name: &str, provided: &ProvidedImage) -> Result<ImageName> {
    provided
        .repository
        .as_deref()
        .unwrap_or(name)
        .parse()
        .map_err(|refused: Error| Error::internal(format!("images.provided.{name}: {refused}")))
}

/// Finds the digest of a provided image; `None` before it has been pushed.
pub async fn find_digest(cx: &ImagesContext, name: &str, provided: &ProvidedImage) -> Result<Option<Digest>> {
    let tag: TagName = PROVIDED_TAG.parse()?;
    let Some(found) = cx
        .store
        .find_repository(&RepositoryOwner::Provided.owner_key(), &parse_repository(name, provided)?)
        .await?
    else {
        return Ok(None);
    };
    Ok(cx.store.find_tag(found.id, &tag).await?.map(|tag| tag.digest))
}
