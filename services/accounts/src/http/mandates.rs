//! Endpoints for services that act for a caller or a tool.

use hearth_base::{MandateId, TokenId, ToolId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param};
use hearth_wire::{
    accounts::internal::{
        MandateCreate, MandateCreated, MandateUse, MandateUsed, ToolFacts, ToolTokenCreate, ToolTokenCreated,
    },
    reply::{Data, Done},
};

use crate::{app, context::AccountsContext, rights};

/// Create a mandate from the rights of the current request on its tool, for work after the response.
#[utoipa::path(post, path = "/accounts/v1/internal/mandates", tag = "internal",
    operation_id = "accounts.internal_mandate_create", request_body = MandateCreate,
    responses((status = 201, body = Data<MandateCreated>)))]
pub async fn create_mandate(
    cx: AccountsContext,
    peer: Authed<rights::UseMandates>,
    Json(create): Json<MandateCreate>,
) -> ApiResult<MandateCreated> {
    let id = app::mandates::create_mandate(&cx, &cx.build_actor(&peer), peer.role, create).await?;
    Ok(ApiResponse::created(MandateCreated { id }))
}

/// Sign a mandate for one use, if its giver still has the rights.
#[utoipa::path(post, path = "/accounts/v1/internal/mandates/{mandate}/use", tag = "internal",
    operation_id = "accounts.internal_mandate_use", request_body = MandateUse,
    params(("mandate" = String, Path, description = "id of the mandate")),
    responses((status = 200, body = Data<MandateUsed>), (status = 404, description = "the caller has no such mandate")))]
pub async fn sign_mandate(
    cx: AccountsContext,
    peer: Authed<rights::UseMandates>,
    Param(mandate): Param<MandateId>,
    Json(wanted): Json<MandateUse>,
) -> ApiResult<MandateUsed> {
    Ok(ApiResponse::ok(
        app::mandates::sign_mandate(&cx, &cx.build_actor(&peer), peer.role, mandate, wanted.audience).await?,
    ))
}

/// End a mandate, and those created from it.
#[utoipa::path(delete, path = "/accounts/v1/internal/mandates/{mandate}", tag = "internal",
    operation_id = "accounts.internal_mandate_end",
    params(("mandate" = String, Path, description = "id of the mandate")),
    responses((status = 200, body = Data<Done>)))]
pub async fn end_mandate(
    cx: AccountsContext,
    peer: Authed<rights::UseMandates>,
    Param(mandate): Param<MandateId>,
) -> ApiResult<Done> {
    app::mandates::end_mandate(&cx, &cx.build_actor(&peer), peer.role, mandate).await?;
    Ok(ApiResponse::ok_done())
}

/// Create a short-lived token of a tool.
#[utoipa::path(post, path = "/accounts/v1/internal/tool-tokens", tag = "internal",
    operation_id = "accounts.internal_tool_token_create", request_body = ToolTokenCreate,
    responses((status = 201, body = Data<ToolTokenCreated>), (status = 404, description = "the tool does not exist")))]
pub async fn create_run_token(
    cx: AccountsContext,
    peer: Authed<rights::CreateToolTokens>,
    Json(create): Json<ToolTokenCreate>,
) -> ApiResult<ToolTokenCreated> {
    Ok(ApiResponse::created(
        app::run_tokens::create_run_token(&cx, &cx.build_actor(&peer), peer.role, create).await?,
    ))
}

/// Revoke a short-lived token of a tool.
#[utoipa::path(delete, path = "/accounts/v1/internal/tool-tokens/{token}", tag = "internal",
    operation_id = "accounts.internal_tool_token_revoke",
    params(("token" = String, Path, description = "id of the token")),
    responses((status = 200, body = Data<Done>)))]
pub async fn revoke_run_token(
    cx: AccountsContext,
    peer: Authed<rights::CreateToolTokens>,
    Param(token): Param<TokenId>,
) -> ApiResult<Done> {
    app::run_tokens::revoke_run_token(&cx, &cx.build_actor(&peer), token).await?;
    Ok(ApiResponse::ok_done())
}

/// Show the name and quota of a tool.
#[utoipa::path(get, path = "/accounts/v1/internal/tools/{tool}", tag = "internal",
    operation_id = "accounts.internal_tool", params(("tool" = String, Path, description = "id of the tool")),
    responses((status = 200, body = Data<ToolFacts>), (status = 404, description = "the tool does not exist")))]
pub async fn show_tool_facts(
    cx: AccountsContext,
    _: Authed<rights::ReadToolFacts>,
    Param(tool): Param<ToolId>,
) -> ApiResult<ToolFacts> {
    Ok(ApiResponse::ok(app::tools::find_tool_facts(&cx, tool).await?))
}
