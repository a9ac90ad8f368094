//! Endpoints for personal tokens.

use hearth_base::TokenId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{Token, TokenCreate, TokenCreated},
    reply::{Data, Done, Listed, Paging},
};

use crate::{
    app,
    context::AccountsContext,
    rights::{ManageSignIn, SelfService},
    store::TokenHolder,
};

/// List the caller's tokens, oldest first.
#[utoipa::path(get, path = "/accounts/v1/tokens", tag = "accounts", operation_id = "accounts.token_list",
    params(Paging), responses((status = 200, body = Data<Listed<Token>>)))]
pub async fn list(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Token>> {
    let holder = TokenHolder::User(me.id);
    let page = cx.store.list_tokens(holder, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(Token::from)))
}

/// Create a token. Only this response contains its secret.
#[utoipa::path(post, path = "/accounts/v1/tokens", tag = "accounts", operation_id = "accounts.token_create",
    request_body = TokenCreate, responses((status = 201, body = Data<TokenCreated>)))]
pub async fn create(
    cx: AccountsContext,
    me: Authed<ManageSignIn>,
    Json(create): Json<TokenCreate>,
) -> ApiResult<TokenCreated> {
    let (secret, token) =
        app::tokens::create_personal_token(&cx, &cx.build_actor(&me), me.id, &me.identity, create).await?;
    Ok(ApiResponse::created(TokenCreated { secret, token: token.into() }))
}

/// Revoke a token. Later uses are refused.
#[utoipa::path(delete, path = "/accounts/v1/tokens/{token}", tag = "accounts",
    operation_id = "accounts.token_revoke", params(("token" = String, Path, description = "id of the token")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the caller has no such token")))]
pub async fn revoke_token(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Param(token): Param<TokenId>,
) -> ApiResult<Done> {
    app::tokens::revoke_token(&cx, &cx.build_actor(&me), TokenHolder::User(me.id), None, token).await?;
    Ok(ApiResponse::ok_done())
}
