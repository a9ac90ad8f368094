//! Endpoints of the deploy token of a tool. `accounts` stores and checks it.

use hearth_base::{Error, Result, Role, Secret};
use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{
    accounts::deploy_tokens::{DeployTokenCall, DeployTokenOperation},
    components::DeployToken,
    reply::Data,
};

use crate::{context::ComponentsContext, rights::ToolWrite};

/// Show the deploy token of a tool. Who has seen it can deploy: it is suspended when that person's right ends.
#[utoipa::path(get, path = "/components/v1/tool/{tool}/deployment/token", tag = "components",
    operation_id = "components.deploy_token", params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<DeployToken>), (status = 404, description = "the tool has no deploy token")))]
pub async fn show(cx: ComponentsContext, tool: Authed<ToolWrite>) -> ApiResult<DeployToken> {
    Ok(ApiResponse::ok(call_accounts(&cx, &tool, DeployTokenOperation::Show).await?))
}

/// Create the deploy token of a tool. The caller is its owner.
#[utoipa::path(post, path = "/components/v1/tool/{tool}/deployment/token", tag = "components",
    operation_id = "components.deploy_token_create",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<DeployToken>),
        (status = 409, description = "the tool has a deploy token that is not suspended")))]
pub async fn create(cx: ComponentsContext, tool: Authed<ToolWrite>) -> ApiResult<DeployToken> {
    let token = call_accounts(&cx, &tool, DeployTokenOperation::Create).await?;
    Ok(ApiResponse::ok(token).with_info(format!("Deploy token for {} created successfully.", tool.name)))
}

/// Replace the deploy token of a tool. The caller is the owner of the new one. Deployments that the former one started
/// and that have not ended fail.
#[utoipa::path(put, path = "/components/v1/tool/{tool}/deployment/token", tag = "components",
    operation_id = "components.deploy_token_replace",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<DeployToken>), (status = 404, description = "the tool has no deploy token")))]
pub async fn replace_token(cx: ComponentsContext, tool: Authed<ToolWrite>) -> ApiResult<DeployToken> {
    let token = call_accounts(&cx, &tool, DeployTokenOperation::Replace).await?;
    Ok(ApiResponse::ok(token).with_info(format!("Deploy token for {} updated successfully.", tool.name)))
}

/// Delete the deploy token of a tool. Deployments that it started and that have not ended fail.
#[utoipa::path(delete, path = "/components/v1/tool/{tool}/deployment/token", tag = "components",
    operation_id = "components.deploy_token_delete",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<DeployToken>), (status = 404, description = "the tool has no deploy token")))]
pub async fn delete(cx: ComponentsContext, tool: Authed<ToolWrite>) -> ApiResult<DeployToken> {
    let token = call_accounts(&cx, &tool, DeployTokenOperation::Delete).await?;
    Ok(ApiResponse::ok(token).with_info(format!("Deploy token for {} deleted successfully.", tool.name)))
}

/// Calls `accounts` for the caller of the request.
async fn call_accounts(
    cx: &ComponentsContext,
    tool: &Authed<ToolWrite>,
    operation: DeployTokenOperation,
) -> Result<DeployToken> {
    let identity = tool.identity_headers.identity.as_ref();
    let identity = identity.ok_or_else(|| Error::internal("the caller has no identity"))?;
    let identity = Secret::new(identity.to_str().map_err(Error::internal)?);
    let call = DeployTokenCall { identity, operation, client: tool.client };
    cx.clients.create_client(Role::Accounts)?.accounts_internal().call_deploy_token(&call).await
}
