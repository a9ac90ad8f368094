//! What waits of a tool becomes a mail to each of its maintainers.

use hearth_base::{MailId, Result, Role, ToolId};
use hearth_kit::db::work::Claim;
use hearth_wire::notify::MailState;

use super::{
    pace::Pace,
    text::{self, MailText},
};
use crate::{
    cx::Cx,
    store::{Mail, Store},
};

/// Writes the mails that are due about a tool, and ends the claim.
pub async fn gather(cx: &Cx, claim: &Claim<()>, tool: ToolId) -> Result<()> {
    // Before the change: others are asked.
    let facts = cx.clients.of(Role::Accounts)?.internal().tool_facts(tool).await?;
    let recipients = cx.recipients(tool).await?;
    let (now, pace) = (cx.now(), Pace::of(&cx.settings));
    let tx = cx.store.begin().await?;
    let Some(mut row) = cx.store.tool_locked(&tx, tool).await? else {
        cx.store.work.finish(&tx, claim).await?;
        return tx.commit().await;
    };
    let due = pace.next(&row.mailed, now);
    if due > now {
        cx.store.work.again(&tx, claim, due).await?;
        return tx.commit().await;
    }
    let (all, notices) = cx.store.notices(&tx, tool, text::MAX_EVENTS_IN_FULL).await?;
    if all > 0 && !recipients.is_empty() {
        let MailText { subject, body } = text::write_mail(&facts.name, all, &notices);
        for recipient in &recipients {
            let mail = Mail {
                id: MailId::new(now, &cx.entropy),
                tool,
                tool_name: facts.name.clone(),
                user: recipient.user,
                user_name: recipient.name.clone(),
                subject: subject.clone(),
                body: body.clone(),
                events: u32::try_from(all).unwrap_or(u32::MAX),
                state: MailState::Waiting,
                tries: 0,
                created: now,
                next: Some(now),
                said: None,
            };
            cx.store.mail_put(&tx, &mail).await?;
            cx.store.ask(&tx, Store::MAIL, mail.id, now).await?;
        }
        pace.note(&mut row.mailed, now);
        cx.store.tool_save(&tx, &row).await?;
    }
    cx.store.notices_remove(&tx, tool).await?;
    cx.store.work.finish(&tx, claim).await?;
    tx.commit().await
}
