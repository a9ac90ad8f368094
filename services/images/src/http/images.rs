//! Images as people see them.

use hearth_base::{Page, Result, ToolId};
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    images::{Image, Provided, Tag},
    reply::{Data, Done, Listed, Paging},
};

use crate::{
    app::{manifests, provided as listed, tags as app_tags},
    cx::Cx,
    names::{ImageName, Reference, Space, TagName},
    rights::{Operate, Pull, PullProvided, Push},
    store::Repository,
};

/// The images that this Hearth provides.
#[utoipa::path(get, path = "/images/v1/provided", tag = "images", operation_id = "images.provided",
    responses((status = 200, body = Data<Listed<Provided>>)))]
pub async fn provided(cx: Cx, _: Authed<PullProvided>) -> Reply<Listed<Provided>> {
    Ok(Answer::page(Page { items: provided_views(&cx).await?, next: None }))
}

/// The operator's list, with what is there of it.
pub async fn provided_views(cx: &Cx) -> Result<Vec<Provided>> {
    let mut views = Vec::new();
    for (name, provided) in &cx.settings.provided {
        let digest = listed::find_digest(cx, name, provided).await?;
        let (aliases, state) = (provided.aliases.clone(), provided.state.clone());
        views.push(Provided { name: name.clone(), aliases, state, digest });
    }
    Ok(views)
}

/// A tool's images by name.
#[utoipa::path(get, path = "/images/v1/tool/{tool}/images", tag = "images", operation_id = "images.list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<Listed<Image>>)))]
pub async fn list(cx: Cx, tool: Authed<Pull>, Query(paging): Query<Paging>) -> Reply<Listed<Image>> {
    let owner = tool.id.to_string();
    let page = cx.store.repository_list(Some(&owner), paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(views(&cx, page).await?))
}

/// All tools' images.
#[utoipa::path(get, path = "/images/v1/images", tag = "images", operation_id = "images.list_all",
    params(Paging),
    responses((status = 200, body = Data<Listed<Image>>)))]
pub async fn list_all(cx: Cx, _: Authed<Operate>, Query(paging): Query<Paging>) -> Reply<Listed<Image>> {
    let page = cx.store.repository_list(None, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(views(&cx, page).await?))
}

/// Delete an image with all its tags. What runs goes on, and keeps what it needs.
#[utoipa::path(delete, path = "/images/v1/tool/{tool}/images/{name}", tag = "images",
    operation_id = "images.delete",
    params(("tool" = String, Path, description = "its name"), ("name" = String, Path, description = "the image")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "there is no such image")))]
pub async fn delete(cx: Cx, tool: Authed<Push>, Param(name): Param<ImageName>) -> Reply<Done> {
    app_tags::delete_image(&cx, &Space::Tool(tool.id, tool.name.clone()), &name).await?;
    Ok(Answer::done())
}

/// The tags of an image by name.
#[utoipa::path(get, path = "/images/v1/tool/{tool}/images/{name}/tags", tag = "images",
    operation_id = "images.tags",
    params(("tool" = String, Path, description = "its name"), ("name" = String, Path, description = "the image"),
        Paging),
    responses((status = 200, body = Data<Listed<Tag>>), (status = 404, description = "there is no such image")))]
pub async fn tags(
    cx: Cx,
    tool: Authed<Pull>,
    Param(name): Param<ImageName>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<Tag>> {
    let repository = app_tags::repository(&cx, &Space::Tool(tool.id, tool.name.clone()), &name).await?;
    let page = cx.store.tag_page(repository.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(|tag| Tag {
        tag: tag.name.to_string(),
        digest: tag.digest,
        updated: tag.updated,
    })))
}

/// Take a tag away.
#[utoipa::path(delete, path = "/images/v1/tool/{tool}/images/{name}/tags/{tag}", tag = "images",
    operation_id = "images.tag_delete",
    params(("tool" = String, Path, description = "its name"), ("name" = String, Path, description = "the image"),
        ("tag" = String, Path, description = "the tag")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "there is no such tag")))]
pub async fn tag_delete(
    cx: Cx,
    tool: Authed<Push>,
    Param(name): Param<ImageName>,
    Param(tag): Param<TagName>,
) -> Reply<Done> {
    let space = Space::Tool(tool.id, tool.name.clone());
    manifests::delete(&cx, &space, &name, &Reference::Tag(tag)).await?;
    Ok(Answer::done())
}

async fn views(cx: &Cx, page: Page<Repository>) -> Result<Page<Image>> {
    let sizes = cx.store.sizes(&page.items).await?;
    let size = |id| sizes.iter().find(|(of, _)| *of == id).map_or(0, |(_, size)| *size);
    let items = page.items.iter().map(|repository| {
        let Repository { id, owner, tool_name, name, updated } = repository;
        let tool: ToolId = owner.parse()?;
        let image = format!("tool-{tool_name}/{name}");
        Ok(Image { name: name.to_string(), image, tool, size: size(*id), updated: *updated })
    });
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}
