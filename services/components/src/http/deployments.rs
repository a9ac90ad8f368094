//! Endpoints of deployments.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    components::{
        Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentList, DeploymentPlan,
        DeploymentPlanQuery, DeploymentQuery,
    },
    reply::{Data, Paging},
};

use crate::{
    app::{self, view},
    context::ComponentsContext,
    rights::{Deploy, ToolRead, ToolWrite},
};

/// List the tool's deployments, newest first.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment", tag = "components",
    operation_id = "components.deployment_list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<DeploymentList>)))]
pub async fn list(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<DeploymentList> {
    let page = cx.store.list_deployments(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    let deployments = page.items.iter().map(|one| view::render_deployment(&cx, &tool.name, one)).collect();
    Ok(ApiResponse::ok(DeploymentList { deployments, next: page.next }))
}

/// Deploy a source. The deployment continues after the client disconnects. The deploy token of the tool is accepted as a
/// bearer token or as the query parameter `token`.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/deployment", tag = "components",
    operation_id = "components.deployment_create",
    params(("tool" = String, Path, description = "name of the tool"), DeploymentCreateQuery),
    request_body = DeploymentCreate,
    responses((status = 200, body = Data<Deployment>), (status = 409, description = "another deployment is active"),
        (status = 422, description = "the request document is invalid"),
        (status = 429, description = "the tool has too many queued deployments")))]
pub async fn create(
    cx: ComponentsContext,
    tool: Authed<Deploy>,
    Query(query): Query<DeploymentCreateQuery>,
    Json(create): Json<DeploymentCreate>,
) -> ApiResult<Deployment> {
    let (made, warnings) = app::create::create(
        &cx,
        &tool,
        ComponentsContext::describe_caller(&tool),
        &tool.identity_headers,
        create,
        query,
    )
    .await?;
    let answer = ApiResponse::ok(view::render_deployment(&cx, &tool.name, &made));
    let answer = warnings.into_iter().fold(answer, ApiResponse::with_warning);
    Ok(answer.with_info(format!("Deployment for {} created successfully.", tool.name)))
}

/// Show what a deployment would change, without changing anything.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/plan", tag = "components",
    operation_id = "components.plan",
    params(("tool" = String, Path, description = "name of the tool"), DeploymentPlanQuery),
    request_body = DeploymentCreate,
    responses((status = 200, body = Data<DeploymentPlan>),
        (status = 404, description = "the revision or the environment does not exist"),
        (status = 409, description = "the images of the revision are no longer kept"),
        (status = 422, description = "the request document or the configuration is invalid")))]
pub async fn show_plan(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Query(query): Query<DeploymentPlanQuery>,
    Json(create): Json<DeploymentCreate>,
) -> ApiResult<DeploymentPlan> {
    let (plan, warnings) = app::plan::plan_deployment(&cx, tool.id, create, &query).await?;
    Ok(warnings.into_iter().fold(ApiResponse::ok(plan), ApiResponse::with_warning))
}

/// Show the newest deployment.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment/latest", tag = "components",
    operation_id = "components.deployment_latest",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "the tool has no deployment")))]
pub async fn show_latest(cx: ComponentsContext, tool: Authed<ToolRead>) -> ApiResult<Deployment> {
    let latest = app::watch::find_latest_deployment(&cx, tool.id).await?;
    Ok(ApiResponse::ok(view::render_deployment(&cx, &tool.name, &latest)))
}

/// Show a deployment. With `wait`, the response comes after its next change or its end.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment/{deployment}", tag = "components",
    operation_id = "components.deployment",
    params(("tool" = String, Path, description = "name of the tool"),
        ("deployment" = String, Path, description = "id of the deployment"), DeploymentQuery),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "the deployment does not exist")))]
pub async fn show(
    cx: ComponentsContext,
    tool: Authed<ToolRead>,
    Param(deployment): Param<DeploymentId>,
    Query(query): Query<DeploymentQuery>,
) -> ApiResult<Deployment> {
    let found = app::watch::watch_deployment(&cx, tool.id, deployment, query).await?;
    Ok(ApiResponse::ok(view::render_deployment(&cx, &tool.name, &found)))
}

/// Cancel a running or queued deployment and roll it back. The next queued deployment becomes active at once.
#[utoipa::path(put, path = "/components/v1/tool/{tool}/deployment/{deployment}/cancel", tag = "components",
    operation_id = "components.deployment_cancel",
    params(("tool" = String, Path, description = "name of the tool"),
        ("deployment" = String, Path, description = "id of the deployment")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "the deployment does not exist"),
        (status = 409, description = "the deployment has ended")))]
pub async fn cancel(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Param(deployment): Param<DeploymentId>,
) -> ApiResult<Deployment> {
    let cancelled = app::cancel::cancel_deployment(&cx, tool.id, deployment).await?;
    Ok(ApiResponse::ok(view::render_deployment(&cx, &tool.name, &cancelled)))
}

/// Cancel the newest deployment and roll it back.
#[utoipa::path(put, path = "/components/v1/tool/{tool}/deployment/latest/cancel", tag = "components",
    operation_id = "components.deployment_cancel_latest",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "the tool has no deployment"),
        (status = 409, description = "the deployment has ended")))]
pub async fn cancel_latest(cx: ComponentsContext, tool: Authed<ToolWrite>) -> ApiResult<Deployment> {
    let latest = app::watch::find_latest_deployment(&cx, tool.id).await?;
    let cancelled = app::cancel::cancel_deployment(&cx, tool.id, latest.id).await?;
    Ok(ApiResponse::ok(view::render_deployment(&cx, &tool.name, &cancelled)))
}

/// Delete a deployment. One that has not ended is rolled back first. Its revision and the running job stay.
#[utoipa::path(delete, path = "/components/v1/tool/{tool}/deployment/{deployment}", tag = "components",
    operation_id = "components.deployment_delete",
    params(("tool" = String, Path, description = "name of the tool"),
        ("deployment" = String, Path, description = "id of the deployment")),
    responses((status = 200, body = Data<Deployment>), (status = 404, description = "the deployment does not exist")))]
pub async fn delete(
    cx: ComponentsContext,
    tool: Authed<ToolWrite>,
    Param(deployment): Param<DeploymentId>,
) -> ApiResult<Deployment> {
    let deleted = app::cancel::delete_deployment(&cx, tool.id, deployment).await?;
    let answer = ApiResponse::ok(view::render_deployment(&cx, &tool.name, &deleted));
    Ok(answer.with_info(format!("Deployment {deployment} deleted successfully.")))
}
