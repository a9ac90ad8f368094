//! Endpoints for other services.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json};
use hearth_wire::{
    notify::internal::{AccountMail, Channels},
    reply::{Data, Done},
};

use crate::{
    app::account_mail,
    context::NotifyContext,
    rights::{ReadChannels, SendAccountMails},
};

/// Show the channels by which this Hearth can send messages, for `jobs`.
#[utoipa::path(get, path = "/notify/v1/internal/channels", tag = "notify", operation_id = "notify.channels",
    responses((status = 200, body = Data<Channels>)))]
pub async fn show_channels(cx: NotifyContext, _: Authed<ReadChannels>) -> ApiResult<Channels> {
    Ok(ApiResponse::ok(Channels { mail: cx.mailer.is_some() }))
}

/// Send a mail of `accounts` to one person, at once. The mail is not stored.
#[utoipa::path(post, path = "/notify/v1/internal/account-mails", tag = "notify",
    operation_id = "notify.account_mail", request_body = AccountMail,
    responses((status = 200, body = Data<Done>), (status = 409, description = "this Hearth sends no mail"),
        (status = 422, description = "the mail server refuses the address"),
        (status = 503, description = "the mail server does not accept the mail at the moment")))]
pub async fn send_account_mail(
    cx: NotifyContext,
    _: Authed<SendAccountMails>,
    Json(mail): Json<AccountMail>,
) -> ApiResult<Done> {
    account_mail::send_account_mail(&cx, &mail).await?;
    Ok(ApiResponse::ok_done())
}
