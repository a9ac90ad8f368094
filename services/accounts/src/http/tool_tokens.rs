//! A tool's own tokens.

use hearth_base::TokenId;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    accounts::{Token, TokenCreate, TokenCreated},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, cx::Cx, rights::ToolWrite, store::Holder};

/// The tool's own tokens, oldest first.
#[utoipa::path(get, path = "/tools/v1/tool/{tool}/tokens", tag = "tools", operation_id = "tools.token_list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<Listed<Token>>)))]
pub async fn list(cx: Cx, tool: Authed<ToolWrite>, Query(paging): Query<Paging>) -> Reply<Listed<Token>> {
    let holder = Holder::Tool(tool.id);
    let page = cx.store.token_list(holder, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(Token::from)))
}

/// Make a token that speaks for the tool. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/tools/v1/tool/{tool}/tokens", tag = "tools", operation_id = "tools.token_create",
    params(("tool" = String, Path, description = "its name")),
    request_body = TokenCreate, responses((status = 201, body = Data<TokenCreated>)))]
pub async fn create(cx: Cx, tool: Authed<ToolWrite>, Json(create): Json<TokenCreate>) -> Reply<TokenCreated> {
    let (secret, token) =
        app::tokens::create_of_tool(&cx, &cx.by(&tool), tool.id, &tool.name, &tool.identity.scopes, create)
            .await?;
    Ok(Answer::created(TokenCreated { secret, token: token.into() }))
}

/// Revoke a token of the tool. From now on it is refused.
#[utoipa::path(delete, path = "/tools/v1/tool/{tool}/tokens/{token}", tag = "tools",
    operation_id = "tools.token_revoke",
    params(("tool" = String, Path, description = "its name"), ("token" = String, Path, description = "its id")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the tool has no such token")))]
pub async fn revoke(cx: Cx, tool: Authed<ToolWrite>, Param(token): Param<TokenId>) -> Reply<Done> {
    let holder = Holder::Tool(tool.id);
    app::tokens::revoke(&cx, &cx.by(&tool), holder, Some((tool.id, &tool.name)), token).await?;
    Ok(Answer::done())
}
