//! Deployments.

use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    components::{
        Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentList, DeploymentQuery,
    },
    reply::{Data, Paging},
};

use crate::{
    app::{self, view},
    cx::Cx,
    rights::{ToolRead, ToolWrite},
};

/// The tool's deployments, the newest first.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment", tag = "components",
    operation_id = "components.deployment_list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<DeploymentList>)))]
pub async fn list(cx: Cx, tool: Authed<ToolRead>, Query(paging): Query<Paging>) -> Reply<DeploymentList> {
    let page = cx.store.deployments(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    let deployments = page.items.iter().map(|one| view::deployment(&cx, &tool.name, one)).collect();
    Ok(Answer::of(DeploymentList { deployments, next: page.next }))
}

/// Deploy: from a source to what runs. Closing the connection changes nothing.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/deployment", tag = "components",
    operation_id = "components.deployment_create",
    params(("tool" = String, Path, description = "its name"), DeploymentCreateQuery),
    request_body = DeploymentCreate,
    responses((status = 200, body = Data<Deployment>), (status = 409, description = "another one is active"),
        (status = 422, description = "the document breaks a rule")))]
pub async fn create(
    cx: Cx,
    tool: Authed<ToolWrite>,
    Query(query): Query<DeploymentCreateQuery>,
    Json(create): Json<DeploymentCreate>,
) -> Reply<Deployment> {
    let made = app::create::create(&cx, &tool, Cx::who(&tool), &tool.shown, create, query).await?;
    Ok(Answer::of(view::deployment(&cx, &tool.name, &made)))
}

/// The newest deployment.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment/latest", tag = "components",
    operation_id = "components.deployment_latest",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "nothing was deployed")))]
pub async fn latest(cx: Cx, tool: Authed<ToolRead>) -> Reply<Deployment> {
    let latest = app::watch::latest(&cx, tool.id).await?;
    Ok(Answer::of(view::deployment(&cx, &tool.name, &latest)))
}

/// One deployment; waits for a change, or for its end, when asked to.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment/{deployment}", tag = "components",
    operation_id = "components.deployment",
    params(("tool" = String, Path, description = "its name"),
        ("deployment" = String, Path, description = "its id"), DeploymentQuery),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "there is no such deployment")))]
pub async fn show(
    cx: Cx,
    tool: Authed<ToolRead>,
    Param(deployment): Param<DeploymentId>,
    Query(query): Query<DeploymentQuery>,
) -> Reply<Deployment> {
    let found = app::watch::watch(&cx, tool.id, deployment, query).await?;
    Ok(Answer::of(view::deployment(&cx, &tool.name, &found)))
}

/// Take a deployment back that is under way or waits. Its place is free at once.
#[utoipa::path(put, path = "/components/v1/tool/{tool}/deployment/{deployment}/cancel", tag = "components",
    operation_id = "components.deployment_cancel",
    params(("tool" = String, Path, description = "its name"),
        ("deployment" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "there is no such deployment"),
        (status = 409, description = "it is over")))]
pub async fn cancel(
    cx: Cx,
    tool: Authed<ToolWrite>,
    Param(deployment): Param<DeploymentId>,
) -> Reply<Deployment> {
    let cancelled = app::cancel::cancel(&cx, tool.id, deployment).await?;
    Ok(Answer::of(view::deployment(&cx, &tool.name, &cancelled)))
}

/// Take the newest deployment back.
#[utoipa::path(put, path = "/components/v1/tool/{tool}/deployment/latest/cancel", tag = "components",
    operation_id = "components.deployment_cancel_latest",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "nothing was deployed"),
        (status = 409, description = "it is over")))]
pub async fn cancel_latest(cx: Cx, tool: Authed<ToolWrite>) -> Reply<Deployment> {
    let latest = app::watch::latest(&cx, tool.id).await?;
    let cancelled = app::cancel::cancel(&cx, tool.id, latest.id).await?;
    Ok(Answer::of(view::deployment(&cx, &tool.name, &cancelled)))
}

/// Forget a deployment; one that is under way is taken back first. What it left goes on running.
#[utoipa::path(delete, path = "/components/v1/tool/{tool}/deployment/{deployment}", tag = "components",
    operation_id = "components.deployment_delete",
    params(("tool" = String, Path, description = "its name"),
        ("deployment" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "there is no such deployment")))]
pub async fn delete(
    cx: Cx,
    tool: Authed<ToolWrite>,
    Param(deployment): Param<DeploymentId>,
) -> Reply<Deployment> {
    let deleted = app::cancel::delete(&cx, tool.id, deployment).await?;
    Ok(Answer::of(view::deployment(&cx, &tool.name, &deleted)))
}
