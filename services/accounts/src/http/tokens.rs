//! The caller's own tokens.

use hearth_base::TokenId;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    accounts::{Token, TokenCreate, TokenCreated},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, cx::Cx, rights::SelfService, store::Holder};

/// The caller's tokens, oldest first.
#[utoipa::path(get, path = "/accounts/v1/tokens", tag = "accounts", operation_id = "accounts.token_list",
    params(Paging), responses((status = 200, body = Data<Listed<Token>>)))]
pub async fn list(cx: Cx, me: Authed<SelfService>, Query(paging): Query<Paging>) -> Reply<Listed<Token>> {
    let holder = Holder::User(me.id);
    let page = cx.store.token_list(holder, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(Token::from)))
}

/// Make a token. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/accounts/v1/tokens", tag = "accounts", operation_id = "accounts.token_create",
    request_body = TokenCreate, responses((status = 201, body = Data<TokenCreated>)))]
pub async fn create(cx: Cx, me: Authed<SelfService>, Json(create): Json<TokenCreate>) -> Reply<TokenCreated> {
    let (secret, token) = app::tokens::create(&cx, &cx.by(&me), me.id, &me.identity, create).await?;
    Ok(Answer::created(TokenCreated { secret, token: token.into() }))
}

/// Revoke a token. From now on it is refused.
#[utoipa::path(delete, path = "/accounts/v1/tokens/{token}", tag = "accounts",
    operation_id = "accounts.token_revoke", params(("token" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the caller has no such token")))]
pub async fn revoke(cx: Cx, me: Authed<SelfService>, Param(token): Param<TokenId>) -> Reply<Done> {
    app::tokens::revoke(&cx, &cx.by(&me), Holder::User(me.id), None, token).await?;
    Ok(Answer::done())
}
