//! Endpoint for `components`, which serves deploy tokens to users.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json};
use hearth_wire::{accounts::deploy_tokens::DeployTokenCall, components::DeployToken, reply::Data};

use crate::{app, context::AccountsContext, rights};

/// Show or change the deploy token of the tool in the path of the present request, for its caller.
#[utoipa::path(post, path = "/accounts/v1/internal/deploy-tokens", tag = "internal",
    operation_id = "accounts.internal_deploy_token", request_body = DeployTokenCall,
    responses((status = 200, body = Data<DeployToken>), (status = 404, description = "the tool has no deploy token"),
        (status = 409, description = "the tool has a deploy token already")))]
pub async fn call_deploy_token(
    cx: AccountsContext,
    peer: Authed<rights::ManageDeployTokens>,
    Json(call): Json<DeployTokenCall>,
) -> ApiResult<DeployToken> {
    Ok(ApiResponse::ok(
        app::deploy_tokens::call_deploy_token(&cx, &cx.build_actor(&peer), peer.role, call).await?,
    ))
}
