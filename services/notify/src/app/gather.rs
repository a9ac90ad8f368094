//! What waits of a tool becomes a mail to each of its maintainers.

use hearth_base::{Kind, MailId, Result, Role, ToolId, ToolName};
use hearth_kit::{db::Tx, queue::NextTurn};
use hearth_wire::{accounts::internal::Recipient, notify::MailState};

use super::{
    pace::Pace,
    text::{self, MailText},
};
use crate::{
    cx::Cx,
    store::{Mail, Store},
};

/// The people who get mail about a tool.
#[derive(Debug)]
pub struct Readers {
    tool_name: ToolName,
    recipients: Vec<Recipient>,
}

/// Asks `accounts` for the name of a tool and its maintainers' addresses, outside of any transaction. Returns `None` if the
/// tool is deleted.
pub async fn find_readers(cx: &Cx, tool: ToolId) -> Result<Option<Readers>> {
    let facts = match cx.clients.of(Role::Accounts)?.internal().tool_facts(tool).await {
        // The finalizer erases the tool's notices. A retry would fail in the same way for ever.
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        facts => facts?,
    };
    Ok(Some(Readers { tool_name: facts.name, recipients: cx.recipients(tool).await? }))
}

/// Writes the mails that are due about a tool: none without readers.
pub async fn write_mails(cx: &Cx, tx: &Tx, tool: ToolId, readers: Option<&Readers>) -> Result<NextTurn> {
    let Some(Readers { tool_name, recipients }) = readers else { return Ok(NextTurn::Finished) };
    let (now, pace) = (cx.now(), Pace::of(&cx.settings));
    let Some(mut row) = cx.store.lock_tool(tx, tool).await? else { return Ok(NextTurn::Finished) };
    let due = pace.next(&row.mailed, now);
    if due > now {
        return Ok(NextTurn::DueAt(due));
    }
    let (all, notices) = cx.store.notices(tx, tool, text::MAX_EVENTS_IN_FULL).await?;
    if all > 0 && !recipients.is_empty() {
        let MailText { subject, body } = text::write_mail(tool_name, all, &notices);
        for recipient in recipients {
            let mail = Mail {
                id: MailId::new(now, &cx.entropy),
                tool,
                tool_name: tool_name.clone(),
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
            cx.store.mail_put(tx, &mail).await?;
            cx.store.enqueue(tx, Store::MAIL_TASK, mail.id, now).await?;
        }
        pace.note(&mut row.mailed, now);
        cx.store.tool_save(tx, &row).await?;
    }
    cx.store.notices_remove(tx, tool).await?;
    Ok(NextTurn::Finished)
}
