//! Endpoints for images and tags.

use hearth_base::{Page, Result, ToolId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, Query};
use hearth_wire::{
    images::{Image, ProvidedImageInfo, Tag},
    reply::{Data, Done, Listed, Paging},
};

use crate::{
    app::{manifests, provided as listed, tags as app_tags},
    context::ImagesContext,
    names::{ImageName, ManifestReference, RepositoryOwner, TagName},
    rights::{ListAllImages, PullProvidedImages, PullToolImages, PushToolImages},
    store::Repository,
};

/// List the images that this Hearth provides.
#[utoipa::path(get, path = "/images/v1/provided", tag = "images", operation_id = "images.provided",
    responses((status = 200, body = Data<Listed<ProvidedImageInfo>>)))]
pub async fn list_provided(
    cx: ImagesContext,
    _: Authed<PullProvidedImages>,
) -> ApiResult<Listed<ProvidedImageInfo>> {
    Ok(ApiResponse::from_page(Page { items: find_provided_images(&cx).await?, next: None }))
}

/// Lists the provided images of the settings with their current digests.
pub async fn find_provided_images(cx: &ImagesContext) -> Result<Vec<ProvidedImageInfo>> {
    let mut views = Vec::new();
    for (name, provided) in &cx.settings.provided {
        let digest = listed::find_digest(cx, name, provided).await?;
        let (aliases, state) = (provided.aliases.clone(), provided.state.clone());
        views.push(ProvidedImageInfo { name: name.clone(), aliases, state, digest });
    }
    Ok(views)
}

/// List the images of a tool by name.
#[utoipa::path(get, path = "/images/v1/tool/{tool}/images", tag = "images", operation_id = "images.list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<Image>>)))]
pub async fn list(
    cx: ImagesContext,
    tool: Authed<PullToolImages>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Image>> {
    let owner = tool.id.to_string();
    let page = cx.store.list_repositories(Some(&owner), paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(render_images(&cx, page).await?))
}

/// List the images of all tools.
#[utoipa::path(get, path = "/images/v1/images", tag = "images", operation_id = "images.list_all",
    params(Paging),
    responses((status = 200, body = Data<Listed<Image>>)))]
pub async fn list_all(
    cx: ImagesContext,
    _: Authed<ListAllImages>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Image>> {
    let page = cx.store.list_repositories(None, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(render_images(&cx, page).await?))
}

/// Delete an image with all its tags. Running jobs continue, and keep the content that they use.
#[utoipa::path(delete, path = "/images/v1/tool/{tool}/images/{name}", tag = "images",
    operation_id = "images.delete",
    params(("tool" = String, Path, description = "name of the tool"), ("name" = String, Path, description = "name of the image")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the image does not exist")))]
pub async fn delete(
    cx: ImagesContext,
    tool: Authed<PushToolImages>,
    Param(name): Param<ImageName>,
) -> ApiResult<Done> {
    app_tags::delete_image(&cx, &RepositoryOwner::Tool(tool.id, tool.name.clone()), &name).await?;
    Ok(ApiResponse::ok_done())
}

/// List the tags of an image by name.
#[utoipa::path(get, path = "/images/v1/tool/{tool}/images/{name}/tags", tag = "images",
    operation_id = "images.tags",
    params(("tool" = String, Path, description = "name of the tool"), ("name" = String, Path, description = "name of the image"),
        Paging),
    responses((status = 200, body = Data<Listed<Tag>>), (status = 404, description = "the image does not exist")))]
pub async fn list_tags(
    cx: ImagesContext,
    tool: Authed<PullToolImages>,
    Param(name): Param<ImageName>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Tag>> {
    let repository =
        app_tags::find_repository(&cx, &RepositoryOwner::Tool(tool.id, tool.name.clone()), &name).await?;
    let page = cx.store.list_tags_by_cursor(repository.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(|tag| Tag {
        tag: tag.name.to_string(),
        digest: tag.digest,
        updated: tag.updated,
    })))
}

/// Delete a tag.
#[utoipa::path(delete, path = "/images/v1/tool/{tool}/images/{name}/tags/{tag}", tag = "images",
    operation_id = "images.tag_delete",
    params(("tool" = String, Path, description = "name of the tool"), ("name" = String, Path, description = "name of the image"),
        ("tag" = String, Path, description = "name of the tag")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the tag does not exist")))]
pub async fn delete_tag(
    cx: ImagesContext,
    tool: Authed<PushToolImages>,
    Param(name): Param<ImageName>,
    Param(tag): Param<TagName>,
) -> ApiResult<Done> {
    let owner = RepositoryOwner::Tool(tool.id, tool.name.clone());
    manifests::delete_reference(&cx, &owner, &name, &ManifestReference::Tag(tag)).await?;
    Ok(ApiResponse::ok_done())
}

async fn render_images(cx: &ImagesContext, page: Page<Repository>) -> Result<Page<Image>> {
    let sizes = cx.store.sum_repository_sizes(&page.items).await?;
    let size = |id| sizes.iter().find(|(of, _)| *of == id).map_or(0, |(_, size)| *size);
    let items = page.items.iter().map(|repository| {
        let Repository { id, owner, tool_name, name, updated } = repository;
        let tool: ToolId = owner.parse()?;
        let image = format!("tool-{tool_name}/{name}");
        Ok(Image { name: name.to_string(), image, tool, size: size(*id), updated: *updated })
    });
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}
