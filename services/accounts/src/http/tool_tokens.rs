//! Endpoints for tool tokens.

use hearth_base::TokenId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{Token, TokenCreate, TokenCreated},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, context::AccountsContext, rights::ToolWrite, store::TokenHolder};

/// List the tokens of a tool, oldest first.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/tokens", tag = "tools", operation_id = "tools.token_list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<Token>>)))]
pub async fn list(
    cx: AccountsContext,
    tool: Authed<ToolWrite>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Token>> {
    let holder = TokenHolder::Tool(tool.id);
    let page = cx.store.list_tokens(holder, paging.limit, paging.cursor.as_ref()).await?;
    let mut owners = app::tokens::find_token_owners(&cx, tool.id, &page.items).await?.into_iter();
    Ok(ApiResponse::from_page(page.map(|token| match owners.next() {
        Some((owner, suspended)) => Token { owner: Some(owner), suspended, ..token.into() },
        None => token.into(),
    })))
}

/// Create a token of a tool. Only this response contains its secret.
#[utoipa::path(post, path = "/tools/v1/tool/{tool}/tokens", tag = "tools", operation_id = "tools.token_create",
    params(("tool" = String, Path, description = "name of the tool")),
    request_body = TokenCreate, responses((status = 201, body = Data<TokenCreated>)))]
pub async fn create(
    cx: AccountsContext,
    tool: Authed<ToolWrite>,
    Json(create): Json<TokenCreate>,
) -> ApiResult<TokenCreated> {
    let (secret, token) = app::tokens::create_tool_token(
        &cx,
        &cx.build_actor(&tool),
        tool.id,
        &tool.name,
        &tool.identity.scopes,
        create,
    )
    .await?;
    Ok(ApiResponse::created(TokenCreated { secret, token: token.into() }))
}

/// Take over a token of a tool. The caller becomes its owner, and it gets a new secret, which only this response
/// contains.
#[utoipa::path(post, path = "/tools/v1/tool/{tool}/tokens/{token}/owner", tag = "tools",
    operation_id = "tools.token_take_over",
    params(("tool" = String, Path, description = "name of the tool"), ("token" = String, Path, description = "id of the token")),
    responses((status = 200, body = Data<TokenCreated>), (status = 404, description = "the tool has no such token")))]
pub async fn take_over_token(
    cx: AccountsContext,
    tool: Authed<ToolWrite>,
    Param(id): Param<TokenId>,
) -> ApiResult<TokenCreated> {
    let actor = cx.build_actor(&tool);
    let held = &tool.identity.scopes;
    let (secret, token) = app::tokens::take_over_token(&cx, &actor, (tool.id, &tool.name), held, id).await?;
    Ok(ApiResponse::ok(TokenCreated { secret, token: token.into() }))
}

/// Revoke a token of a tool. Later uses are refused.
#[utoipa::path(delete, path = "/tools/v1/tool/{tool}/tokens/{token}", tag = "tools",
    operation_id = "tools.token_revoke",
    params(("tool" = String, Path, description = "name of the tool"), ("token" = String, Path, description = "id of the token")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the tool has no such token")))]
pub async fn revoke_token(
    cx: AccountsContext,
    tool: Authed<ToolWrite>,
    Param(token): Param<TokenId>,
) -> ApiResult<Done> {
    let holder = TokenHolder::Tool(tool.id);
    app::tokens::revoke_token(&cx, &cx.build_actor(&tool), holder, Some((tool.id, &tool.name)), token)
        .await?;
    Ok(ApiResponse::ok_done())
}
