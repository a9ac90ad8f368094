//! Endpoints of linked repositories.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    components::{
        ForgeDelivery, RepositoryLink, RepositoryLinkCreate, RepositoryLinkId, RepositoryLinkList,
        RepositoryLinkPatch, RepositoryLinkSecret,
    },
    reply::{Data, Done, Listed, Paging},
};

use crate::{
    app::{forge_deliveries::render_delivery, repository_links as app},
    context::ComponentsContext,
    rights::{ToolRead, ToolWrite},
};

/// List the repositories that are linked to the tool, oldest first.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/repository-links", tag = "components",
    operation_id = "components.repository_link_list",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<RepositoryLinkList>)))]
pub async fn list(cx: ComponentsContext, tool: Authed<ToolRead>) -> ApiResult<RepositoryLinkList> {
    let mut links = Vec::new();
    for link in cx.store.list_links(tool.id).await? {
        links.push(app::show_link(&cx, &link).await?);
    }
    Ok(ApiResponse::ok(RepositoryLinkList { links }))
}

/// Link a repository: pushes to it deploy the tool, in the name of the caller. The secret of the webhook is shown only
/// once.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/repository-links", tag = "components",
    operation_id = "components.repository_link_create",
    params(("tool" = String, Path, description = "name of the tool")), request_body = RepositoryLinkCreate,
    responses((status = 201, body = Data<RepositoryLinkSecret>),
        (status = 409, description = "the tool has as many linked repositories as are allowed"),
        (status = 422, description = "the request document is invalid")))]
pub async fn create(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Json(create): Json<RepositoryLinkCreate>,
) -> ApiResult<RepositoryLinkSecret> {
    Ok(ApiResponse::created(app::create_link(&cx, &tool, &tool.identity_headers, create).await?))
}

/// Show a linked repository.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/repository-links/{link}", tag = "components",
    operation_id = "components.repository_link",
    params(("tool" = String, Path, description = "name of the tool"),
        ("link" = String, Path, description = "id of the link")),
    responses((status = 200, body = Data<RepositoryLink>), (status = 404, description = "the link does not exist")))]
pub async fn show(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Param(link): Param<RepositoryLinkId>,
) -> ApiResult<RepositoryLink> {
    let link = app::find_link(&cx, tool.id, link).await?;
    Ok(ApiResponse::ok(app::show_link(&cx, &link).await?))
}

/// Change a linked repository.
#[utoipa::path(patch, path = "/components/v1/tool/{tool}/repository-links/{link}", tag = "components",
    operation_id = "components.repository_link_patch",
    params(("tool" = String, Path, description = "name of the tool"),
        ("link" = String, Path, description = "id of the link")),
    request_body = RepositoryLinkPatch,
    responses((status = 200, body = Data<RepositoryLink>), (status = 404, description = "the link does not exist")))]
pub async fn update(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Param(link): Param<RepositoryLinkId>,
    Json(patch): Json<RepositoryLinkPatch>,
) -> ApiResult<RepositoryLink> {
    Ok(ApiResponse::ok(app::update_link(&cx, tool.id, link, patch).await?))
}

/// Delete a linked repository with its delivery log. Running deployments continue.
#[utoipa::path(delete, path = "/components/v1/tool/{tool}/repository-links/{link}", tag = "components",
    operation_id = "components.repository_link_delete",
    params(("tool" = String, Path, description = "name of the tool"),
        ("link" = String, Path, description = "id of the link")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the link does not exist")))]
pub async fn delete(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Param(link): Param<RepositoryLinkId>,
) -> ApiResult<Done> {
    app::delete_link(&cx, tool.id, link).await?;
    Ok(ApiResponse::ok_done())
}

/// Replace the secret of a link's webhook. The caller becomes the owner of the link, in whose name pushes deploy. The
/// former secret is refused at once.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/repository-links/{link}/secret", tag = "components",
    operation_id = "components.repository_link_rotate",
    params(("tool" = String, Path, description = "name of the tool"),
        ("link" = String, Path, description = "id of the link")),
    responses((status = 200, body = Data<RepositoryLinkSecret>), (status = 404, description = "the link does not exist")))]
pub async fn rotate_secret(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Param(link): Param<RepositoryLinkId>,
) -> ApiResult<RepositoryLinkSecret> {
    Ok(ApiResponse::ok(app::replace_secret(&cx, tool.id, link, &tool.identity_headers).await?))
}

/// List the deliveries of a link, newest first.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/repository-links/{link}/deliveries", tag = "components",
    operation_id = "components.forge_delivery_list",
    params(("tool" = String, Path, description = "name of the tool"),
        ("link" = String, Path, description = "id of the link"), Paging),
    responses((status = 200, body = Data<Listed<ForgeDelivery>>), (status = 404, description = "the link does not exist")))]
pub async fn list_deliveries(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Param(link): Param<RepositoryLinkId>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<ForgeDelivery>> {
    app::find_link(&cx, tool.id, link).await?;
    let page = cx.store.list_deliveries(link, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(render_delivery)))
}
