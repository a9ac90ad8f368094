//! Whether mail about a tool is sent, and to whom.

use hearth_base::{Caller, Error, Result, ToolId, UserId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::notify::{MailSettings, MailSettingsPut};

use super::pace::Pace;
use crate::cx::Cx;

/// How many recipients are named.
const NAMED: usize = 100;

/// What holds for a tool, and for whoever asks.
pub async fn show(cx: &Cx, tool: ToolId, caller: &Caller) -> Result<MailSettings> {
    let waiting = cx.store.notices_waiting(tool).await?;
    let off = match caller {
        Caller::User { id, .. } => cx.store.off(tool).await?.contains(id),
        _ => false,
    };
    let recipients = cx.recipients(tool).await?;
    let mailed = cx.store.mailed(tool).await?;
    Ok(MailSettings {
        sends: cx.mailer.is_some(),
        off,
        recipients: recipients.into_iter().take(NAMED).map(|recipient| recipient.name).collect(),
        waiting,
        next: (waiting > 0).then(|| Pace::of(&cx.settings).next(&mailed, cx.now())),
    })
}

/// Switches mail about a tool off or on for whoever asks.
pub async fn put(cx: &Cx, tool: ToolId, caller: &Caller, put: MailSettingsPut) -> Result<()> {
    let user = person(caller)?;
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    cx.store.off_set(&tx, tool, user, put.off).await?;
    tx.commit().await
}

fn person(caller: &Caller) -> Result<UserId> {
    match caller {
        Caller::User { id, .. } => Ok(*id),
        _ => Err(Error::invalid("no-person", "a tool's token is nobody who gets mail")
            .help("use a token of your own: hearth login")),
    }
}
