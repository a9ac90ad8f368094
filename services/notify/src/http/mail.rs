//! Endpoints of mail about a tool.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Query};
use hearth_wire::{
    notify::{self, MailSettings, MailSettingsPut},
    reply::{Data, Listed, Paging},
};

use crate::{
    app::mail_settings,
    context::NotifyContext,
    rights::{NotifyRead, NotifyWrite},
    store::Mail,
};

/// Show the mail settings and recipients of the tool.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/mail", tag = "notify", operation_id = "notify.mail",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Data<MailSettings>)))]
pub async fn show(cx: NotifyContext, tool: Authed<NotifyRead>) -> ApiResult<MailSettings> {
    Ok(ApiResponse::ok(mail_settings::show(&cx, tool.id, &tool.identity.caller).await?))
}

/// Switch mail about the tool off or on for the caller, or choose the event types that are mailed to the caller.
#[utoipa::path(put, path = "/notify/v1/tool/{tool}/mail", tag = "notify", operation_id = "notify.mail_put",
    params(("tool" = String, Path, description = "name of the tool")), request_body = MailSettingsPut,
    responses((status = 200, body = Data<MailSettings>),
        (status = 400, description = "a tool token cannot receive mail, or there is no mail about an event type")))]
pub async fn update(
    cx: NotifyContext,
    tool: Authed<NotifyWrite>,
    Json(put): Json<MailSettingsPut>,
) -> ApiResult<MailSettings> {
    mail_settings::update(&cx, tool.id, &tool.identity.caller, put).await?;
    Ok(ApiResponse::ok(mail_settings::show(&cx, tool.id, &tool.identity.caller).await?))
}

/// List the mails about the tool with their outcomes, newest first.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/mails", tag = "notify", operation_id = "notify.mail_list",
    params(("tool" = String, Path, description = "name of the tool"), Paging),
    responses((status = 200, body = Data<Listed<notify::Mail>>)))]
pub async fn list(
    cx: NotifyContext,
    tool: Authed<NotifyRead>,
    Query(paging): Query<Paging>,
) -> ApiResult<Listed<notify::Mail>> {
    let page = cx.store.list_mails(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(ApiResponse::from_page(page.map(to_wire_mail)))
}

fn to_wire_mail(mail: Mail) -> notify::Mail {
    let Mail {
        id,
        tool: _,
        tool_name: _,
        user: _,
        user_name,
        subject,
        body: _,
        events,
        state,
        tries,
        created,
        next,
        reply,
    } = mail;
    notify::Mail { id, user: user_name, subject, events, state, tries, created, next, reply }
}
