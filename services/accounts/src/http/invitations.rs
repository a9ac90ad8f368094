//! Codes by which people come in, for operators.

use hearth_base::TokenId;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply};
use hearth_wire::{
    accounts::{Invitation, InvitationCreate, InvitationCreated},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, cx::Cx, rights::Operate};

/// The codes that wait to be used, oldest first.
#[utoipa::path(get, path = "/accounts/v1/invitations", tag = "accounts",
    operation_id = "accounts.invitation_list", params(Paging),
    responses((status = 200, body = Data<Listed<Invitation>>)))]
pub async fn list(cx: Cx, _: Authed<Operate>, Query(paging): Query<Paging>) -> Reply<Listed<Invitation>> {
    let page = cx.store.invitation_list(paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(Invitation::from)))
}

/// Invite somebody. The code is in this answer and nowhere else.
#[utoipa::path(post, path = "/accounts/v1/invitations", tag = "accounts",
    operation_id = "accounts.invitation_create", request_body = InvitationCreate,
    responses((status = 201, body = Data<InvitationCreated>)))]
pub async fn create(
    cx: Cx,
    operator: Authed<Operate>,
    Json(create): Json<InvitationCreate>,
) -> Reply<InvitationCreated> {
    let (code, invitation) = app::invitations::create(&cx, &cx.by(&operator), create).await?;
    Ok(Answer::created(InvitationCreated { code, invitation: invitation.into() }))
}

/// Withdraw a code that was not used.
#[utoipa::path(delete, path = "/accounts/v1/invitations/{token}", tag = "accounts",
    operation_id = "accounts.invitation_withdraw",
    params(("token" = String, Path, description = "the invitation's id")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "there is no such invitation")))]
pub async fn withdraw(cx: Cx, operator: Authed<Operate>, Param(id): Param<TokenId>) -> Reply<Done> {
    app::invitations::withdraw(&cx, &cx.by(&operator), id).await?;
    Ok(Answer::done())
}
