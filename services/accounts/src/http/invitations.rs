//! Endpoints for invitations, for operators.

use hearth_base::TokenId;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query};
use hearth_wire::{
    accounts::{Invitation, InvitationCreate, InvitationCreated},
    reply::{Data, Done, Listed, Paging},
};

use crate::{app, context::AccountsContext, rights::OperateHearth};

/// List the unused invitations, oldest first.
#[utoipa::path(get, path = "/accounts/v1/invitations", tag = "accounts",
    operation_id = "accounts.invitation_list", params(Paging),
    responses((status = 200, body = Data<Listed<Invitation>>)))]
pub async fn list(
    cx: AccountsContext,
    _: Authed<OperateHearth>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<Invitation>> {
    let page = cx.store.list_invitations(paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(Invitation::from)))
}

/// Create an invitation. Only this response contains the code.
#[utoipa::path(post, path = "/accounts/v1/invitations", tag = "accounts",
    operation_id = "accounts.invitation_create", request_body = InvitationCreate,
    responses((status = 201, body = Data<InvitationCreated>)))]
pub async fn create(
    cx: AccountsContext,
    operator: Authed<OperateHearth>,
    Json(create): Json<InvitationCreate>,
) -> ApiResult<InvitationCreated> {
    let (code, invitation) =
        app::invitations::create_invitation(&cx, &cx.build_actor(&operator), create).await?;
    Ok(ApiResponse::created(InvitationCreated { code, invitation: invitation.into() }))
}

/// Withdraw an unused invitation.
#[utoipa::path(delete, path = "/accounts/v1/invitations/{token}", tag = "accounts",
    operation_id = "accounts.invitation_withdraw",
    params(("token" = String, Path, description = "id of the invitation")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "the invitation does not exist")))]
pub async fn withdraw_invitation(
    cx: AccountsContext,
    operator: Authed<OperateHearth>,
    Param(id): Param<TokenId>,
) -> ApiResult<Done> {
    app::invitations::withdraw_invitation(&cx, &cx.build_actor(&operator), id).await?;
    Ok(ApiResponse::ok_done())
}
