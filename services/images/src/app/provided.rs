//! What this Hearth provides to every tool: the operator's list.

use hearth_base::{Digest, Error, Result};

use crate::{
    ProvidedImage,
    cx::Cx,
    names::{ImageName, Space, TagName},
};

/// The tag under which provided images are.
pub const TAG: &str = "latest";

/// A provided image, by its short name or another name for it.
pub fn find_image<'a>(cx: &'a Cx, text: &str) -> Option<(&'a str, &'a ProvidedImage)> {
    let all = &cx.settings.provided;
    all.get_key_value(text)
        .or_else(|| all.iter().find(|(_, provided)| provided.aliases.iter().any(|alias| alias == text)))
        .map(|(name, provided)| (name.as_str(), provided))
}

/// The repository of a provided image.
pub fn parse_repository(name: &str, provided: &ProvidedImage) -> Result<ImageName> {
    provided
        .repository
        .as_deref()
        .unwrap_or(name)
        .parse()
        .map_err(|refused: Error| Error::internal(format!("images.provided.{name}: {refused}")))
}

/// The content of a provided image, once it is there.
pub async fn find_digest(cx: &Cx, name: &str, provided: &ProvidedImage) -> Result<Option<Digest>> {
    let tag: TagName = TAG.parse()?;
    let Some(found) =
        cx.store.repository(&Space::Provided.owner(), &parse_repository(name, provided)?).await?
    else {
        return Ok(None);
    };
    Ok(cx.store.tag(found.id, &tag).await?.map(|tag| tag.digest))
}
