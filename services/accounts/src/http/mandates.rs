//! Endpoints for services that act for a caller or a tool.

use hearth_base::{MandateId, TokenId, ToolId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param};
use hearth_wire::{
    accounts::internal::{
        MandateCreate, MandateCreated, MandateDerive, MandateUse, MandateUsed, StandingMandate,
        StandingMandateCreate, ToolFacts, ToolTokenCreate, ToolTokenCreated,
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

/// Create a standing mandate from the rights of the current request, for something that acts without a request.
#[utoipa::path(post, path = "/accounts/v1/internal/standing-mandates", tag = "internal",
    operation_id = "accounts.internal_standing_mandate_create", request_body = StandingMandateCreate,
    responses((status = 201, body = Data<StandingMandate>)))]
pub async fn create_standing_mandate(
    cx: AccountsContext,
    peer: Authed<rights::HoldStandingMandates>,
    Json(create): Json<StandingMandateCreate>,
) -> ApiResult<StandingMandate> {
    let actor = cx.build_actor(&peer);
    let made = app::standing_mandates::create_standing_mandate(&cx, &actor, peer.role, create).await?;
    Ok(ApiResponse::created(made))
}

/// Show the owner of a standing mandate, and whether the owner still has the right.
#[utoipa::path(get, path = "/accounts/v1/internal/standing-mandates/{mandate}", tag = "internal",
    operation_id = "accounts.internal_standing_mandate",
    params(("mandate" = String, Path, description = "id of the mandate")),
    responses((status = 200, body = Data<StandingMandate>),
        (status = 404, description = "the caller has no such mandate")))]
pub async fn show_standing_mandate(
    cx: AccountsContext,
    peer: Authed<rights::HoldStandingMandates>,
    Param(mandate): Param<MandateId>,
) -> ApiResult<StandingMandate> {
    let actor = cx.build_actor(&peer);
    Ok(ApiResponse::ok(app::standing_mandates::show_standing_mandate(&cx, &actor, peer.role, mandate).await?))
}

/// Make a mandate for one work from a standing mandate, if its owner still has the right.
#[utoipa::path(post, path = "/accounts/v1/internal/standing-mandates/{mandate}/mandates", tag = "internal",
    operation_id = "accounts.internal_standing_mandate_use", request_body = MandateDerive,
    params(("mandate" = String, Path, description = "id of the mandate")),
    responses((status = 201, body = Data<MandateCreated>),
        (status = 404, description = "the caller has no such mandate")))]
pub async fn derive_mandate(
    cx: AccountsContext,
    peer: Authed<rights::HoldStandingMandates>,
    Param(mandate): Param<MandateId>,
    Json(derive): Json<MandateDerive>,
) -> ApiResult<MandateCreated> {
    let actor = cx.build_actor(&peer);
    let id = app::standing_mandates::derive_mandate(&cx, &actor, peer.role, mandate, derive).await?;
    Ok(ApiResponse::created(MandateCreated { id }))
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
