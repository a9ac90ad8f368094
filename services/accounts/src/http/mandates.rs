//! What services ask to act for somebody, and nobody else may.

use hearth_base::{MandateId, TokenId, ToolId};
use hearth_kit::{Answer, Authed, Json, Param, Reply};
use hearth_wire::{
    accounts::internal::{
        MandateCreate, MandateCreated, MandateUse, MandateUsed, ToolFacts, ToolTokenCreate, ToolTokenCreated,
    },
    reply::{Data, Done},
};

use crate::{app, cx::Cx, rights};

/// Keep what the caller of the present request may do with its tool, for what comes after the answer.
#[utoipa::path(post, path = "/accounts/v1/internal/mandates", tag = "internal",
    operation_id = "accounts.internal_mandate_create", request_body = MandateCreate,
    responses((status = 201, body = Data<MandateCreated>)))]
pub async fn create(
    cx: Cx,
    peer: Authed<rights::Mandates>,
    Json(create): Json<MandateCreate>,
) -> Reply<MandateCreated> {
    let id = app::mandates::create(&cx, &cx.by(&peer), peer.role, create).await?;
    Ok(Answer::created(MandateCreated { id }))
}

/// Sign a mandate for one use, if its giver still has the right.
#[utoipa::path(post, path = "/accounts/v1/internal/mandates/{mandate}/use", tag = "internal",
    operation_id = "accounts.internal_mandate_use", request_body = MandateUse,
    params(("mandate" = String, Path, description = "its id")),
    responses((status = 200, body = Data<MandateUsed>), (status = 404, description = "the caller holds no such mandate")))]
pub async fn sign(
    cx: Cx,
    peer: Authed<rights::Mandates>,
    Param(mandate): Param<MandateId>,
    Json(wanted): Json<MandateUse>,
) -> Reply<MandateUsed> {
    Ok(Answer::of(app::mandates::sign(&cx, &cx.by(&peer), peer.role, mandate, wanted.audience).await?))
}

/// End a mandate, and those made from it: what it was needed for is done.
#[utoipa::path(delete, path = "/accounts/v1/internal/mandates/{mandate}", tag = "internal",
    operation_id = "accounts.internal_mandate_end",
    params(("mandate" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Done>)))]
pub async fn end(cx: Cx, peer: Authed<rights::Mandates>, Param(mandate): Param<MandateId>) -> Reply<Done> {
    app::mandates::end(&cx, &cx.by(&peer), peer.role, mandate).await?;
    Ok(Answer::done())
}

/// Make a token that speaks for a tool for a while.
#[utoipa::path(post, path = "/accounts/v1/internal/tool-tokens", tag = "internal",
    operation_id = "accounts.internal_tool_token_create", request_body = ToolTokenCreate,
    responses((status = 201, body = Data<ToolTokenCreated>), (status = 404, description = "there is no such tool")))]
pub async fn token_create(
    cx: Cx,
    peer: Authed<rights::RunTokens>,
    Json(create): Json<ToolTokenCreate>,
) -> Reply<ToolTokenCreated> {
    Ok(Answer::created(app::run_tokens::create(&cx, &cx.by(&peer), peer.role, create).await?))
}

/// Revoke such a token. From now on it is refused.
#[utoipa::path(delete, path = "/accounts/v1/internal/tool-tokens/{token}", tag = "internal",
    operation_id = "accounts.internal_tool_token_revoke",
    params(("token" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Done>)))]
pub async fn token_revoke(
    cx: Cx,
    peer: Authed<rights::RunTokens>,
    Param(token): Param<TokenId>,
) -> Reply<Done> {
    app::run_tokens::revoke(&cx, &cx.by(&peer), token).await?;
    Ok(Answer::done())
}

/// A tool's name and quota.
#[utoipa::path(get, path = "/accounts/v1/internal/tools/{tool}", tag = "internal",
    operation_id = "accounts.internal_tool", params(("tool" = String, Path, description = "its id")),
    responses((status = 200, body = Data<ToolFacts>), (status = 404, description = "there is no such tool")))]
pub async fn tool(cx: Cx, _: Authed<rights::ToolFacts>, Param(tool): Param<ToolId>) -> Reply<ToolFacts> {
    Ok(Answer::of(app::tools::facts(&cx, tool).await?))
}
