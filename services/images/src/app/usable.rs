//! Images that a tool has pushed or built, for a choice of images.

use hearth_base::{PageLimit, Result, ToolId};
use hearth_wire::images::internal::{ImageKind, UsableImage};

use super::resolution::DEFAULT_IMAGE_STATE;
use crate::{context::ImagesContext, store::Repository};

/// Lists every tag of every image of a tool, read in pages of `page` rows. The quotas of the registry limit their number.
pub async fn list_tool_images(cx: &ImagesContext, tool: ToolId, page: PageLimit) -> Result<Vec<UsableImage>> {
    let owner = tool.to_string();
    let (mut images, mut cursor) = (Vec::new(), None);
    loop {
        let repositories = cx.store.list_repositories(Some(&owner), page, cursor.as_ref()).await?;
        for repository in &repositories.items {
            append_tags(cx, repository, page, &mut images).await?;
        }
        cursor = repositories.next;
        if cursor.is_none() {
            return Ok(images);
        }
    }
}

async fn append_tags(
    cx: &ImagesContext,
    repository: &Repository,
    page: PageLimit,
    images: &mut Vec<UsableImage>,
) -> Result<()> {
    let mut cursor = None;
    loop {
        let tags = cx.store.list_tags_by_cursor(repository.id, page, cursor.as_ref()).await?;
        images.extend(tags.items.into_iter().map(|tag| UsableImage {
            image: format!("tool-{}/{}:{}", repository.tool_name, repository.name, tag.name),
            aliases: Vec::new(),
            state: DEFAULT_IMAGE_STATE.to_owned(),
            kind: ImageKind::Built,
        }));
        cursor = tags.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
