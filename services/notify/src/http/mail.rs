//! Mail about a tool.

use hearth_kit::{Answer, Authed, Json, Query, Reply};
use hearth_wire::{
    notify::{self, MailSettings, MailSettingsPut},
    reply::{Data, Listed, Paging},
};

use crate::{
    app::mail_settings,
    cx::Cx,
    rights::{NotifyRead, NotifyWrite},
    store::Mail,
};

/// Whether mail about the tool is sent, and to whom.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/mail", tag = "notify", operation_id = "notify.mail",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Data<MailSettings>)))]
pub async fn show(cx: Cx, tool: Authed<NotifyRead>) -> Reply<MailSettings> {
    Ok(Answer::of(mail_settings::show(&cx, tool.id, &tool.identity.caller).await?))
}

/// Switch mail about the tool off or on, for oneself.
#[utoipa::path(put, path = "/notify/v1/tool/{tool}/mail", tag = "notify", operation_id = "notify.mail_put",
    params(("tool" = String, Path, description = "its name")), request_body = MailSettingsPut,
    responses((status = 200, body = Data<MailSettings>), (status = 400, description = "a tool's token")))]
pub async fn put(cx: Cx, tool: Authed<NotifyWrite>, Json(put): Json<MailSettingsPut>) -> Reply<MailSettings> {
    mail_settings::put(&cx, tool.id, &tool.identity.caller, put).await?;
    Ok(Answer::of(mail_settings::show(&cx, tool.id, &tool.identity.caller).await?))
}

/// Mails about the tool, the newest first: what became of them.
#[utoipa::path(get, path = "/notify/v1/tool/{tool}/mails", tag = "notify", operation_id = "notify.mail_list",
    params(("tool" = String, Path, description = "its name"), Paging),
    responses((status = 200, body = Data<Listed<notify::Mail>>)))]
pub async fn list(
    cx: Cx,
    tool: Authed<NotifyRead>,
    Query(paging): Query<Paging>,
) -> Reply<Listed<notify::Mail>> {
    let page = cx.store.mails(tool.id, paging.limit, paging.cursor.as_ref()).await?;
    Ok(Answer::page(page.map(view)))
}

fn view(mail: Mail) -> notify::Mail {
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
        said,
    } = mail;
    notify::Mail { id, user: user_name, subject, events, state, tries, created, next, said }
}
