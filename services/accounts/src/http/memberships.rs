//! Endpoints for the caller's own memberships: offers to accept or decline, and leaving a tool.

use hearth_base::{ToolName, UserId};
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, Query};
use hearth_wire::{
    accounts::MembershipOffer,
    reply::{Data, Done, Listed, Paging},
};

use super::members;
use crate::{app, context::AccountsContext, rights::SelfService};

/// List the memberships that are offered to the caller, by the names of the tools.
#[utoipa::path(get, path = "/accounts/v1/me/memberships", tag = "accounts",
    operation_id = "accounts.membership_offer_list", params(Paging),
    responses((status = 200, body = Data<Listed<MembershipOffer>>)))]
pub async fn list(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<MembershipOffer>> {
    let Paging { limit, cursor } = paging;
    let page = cx.store.list_user_offers(me.id, cx.now(), limit, cursor.as_ref()).await?;
    let givers = page.items.iter().filter_map(|(_, offer)| offer.offered_by);
    let givers = cx.store.find_users_by_id(givers).await?;
    let find_name = |id: UserId| givers.iter().find(|user| user.id == id).map(|user| user.name.clone());
    Ok(ApiResponse::from_page(page.map(|(tool, offer)| MembershipOffer {
        tool,
        role: offer.role,
        offered_by: offer.offered_by.and_then(find_name),
        offered: offer.offered,
        expires: offer.expires,
    })))
}

/// Accept an offered membership.
#[utoipa::path(put, path = "/accounts/v1/me/memberships/{tool}", tag = "accounts",
    operation_id = "accounts.membership_accept",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "no membership is offered")))]
pub async fn accept_membership(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Param(tool): Param<ToolName>,
) -> ApiResult<Done> {
    app::members::accept_membership(&cx, &cx.build_actor(&me), (me.id, &me.name), &tool).await?;
    Ok(ApiResponse::ok_done())
}

/// Decline an offered membership, or leave a tool. The tool tokens that the caller created are suspended.
#[utoipa::path(delete, path = "/accounts/v1/me/memberships/{tool}", tag = "accounts",
    operation_id = "accounts.membership_end",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<Done>), (status = 404, description = "neither an offer nor a membership exists"),
        (status = 409, description = "the tool would have no owner")))]
pub async fn end_membership(
    cx: AccountsContext,
    me: Authed<SelfService>,
    Param(tool): Param<ToolName>,
) -> ApiResult<Done> {
    let tokens = app::members::end_membership(&cx, &cx.build_actor(&me), (me.id, &me.name), &tool).await?;
    Ok(members::describe_suspended_tokens(tokens))
}
