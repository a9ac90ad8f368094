//! Mail settings of a tool: its recipients and their opt-outs.

use hearth_base::{Caller, Error, Result, ToolId, UserId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::notify::{MailSettings, MailSettingsPut};

use super::pace::MailPace;
use crate::context::NotifyContext;

/// The number of recipients that the settings list.
const MAX_NAMED_RECIPIENTS: usize = 100;

/// Shows the mail settings of a tool and the caller's opt-out.
pub async fn show(cx: &NotifyContext, tool: ToolId, caller: &Caller) -> Result<MailSettings> {
    let waiting = cx.store.count_notices(tool).await?;
    let off = match caller {
        Caller::User { id, .. } => cx.store.list_opted_out(tool).await?.contains(id),
        _ => false,
    };
    let recipients = cx.list_recipients(tool).await?;
    let mail_times = cx.store.find_mail_times(tool).await?;
    Ok(MailSettings {
        sends: cx.mailer.is_some(),
        off,
        recipients: recipients
            .into_iter()
            .take(MAX_NAMED_RECIPIENTS)
            .map(|recipient| recipient.name)
            .collect(),
        waiting,
        next: (waiting > 0)
            .then(|| MailPace::from_settings(&cx.settings).next_mail_time(&mail_times, cx.now())),
    })
}

/// Switches mail about a tool off or on for the caller.
pub async fn update(cx: &NotifyContext, tool: ToolId, caller: &Caller, put: MailSettingsPut) -> Result<()> {
    let user = require_user(caller)?;
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    cx.store.set_opt_out(&tx, tool, user, put.off).await?;
    tx.commit().await
}

fn require_user(caller: &Caller) -> Result<UserId> {
    match caller {
        Caller::User { id, .. } => Ok(*id),
        _ => Err(Error::invalid("not-a-user", "a tool token cannot receive mail")
            .help("use a token of your own: hearth login")),
    }
}
