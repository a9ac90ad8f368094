//! Creation of mails from the waiting notices of a tool, one for each maintainer.

use hearth_base::{ErrorKind, MailId, Result, Role, ToolId, ToolName};
use hearth_kit::{db::Tx, queue::ItemOutcome};
use hearth_wire::{accounts::internal::Recipient, notify::MailState};

use super::{
    mail_text::{self, MailText},
    pace::MailPace,
};
use crate::{
    context::NotifyContext,
    store::{Mail, NotifyStore},
};

/// The people who get mail about a tool.
#[derive(Debug)]
pub struct MailReaders {
    tool_name: ToolName,
    recipients: Vec<Recipient>,
}

/// Requests the name of a tool and its maintainers' addresses from `accounts`, outside of any transaction.
/// Returns `None` if the tool is deleted.
pub async fn find_readers(cx: &NotifyContext, tool: ToolId) -> Result<Option<MailReaders>> {
    let facts =
        match cx.clients.create_client(Role::Accounts)?.accounts_internal().show_tool_facts(tool).await {
            // The finalizer erases the tool's notices. A retry would fail in the same way for ever.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            facts => facts?,
        };
    Ok(Some(MailReaders { tool_name: facts.name, recipients: cx.list_recipients(tool).await? }))
}

/// Creates the due mails about a tool. Without readers it creates none.
pub async fn write_mails(
    cx: &NotifyContext,
    tx: &Tx,
    tool: ToolId,
    readers: Option<&MailReaders>,
) -> Result<ItemOutcome> {
    let Some(MailReaders { tool_name, recipients }) = readers else { return Ok(ItemOutcome::Finished) };
    let (now, pace) = (cx.now(), MailPace::from_settings(&cx.settings));
    let Some(mut tool_mail_times) = cx.store.lock_mail_times(tx, tool).await? else {
        return Ok(ItemOutcome::Finished);
    };
    let due = pace.next_mail_time(&tool_mail_times.times, now);
    if due > now {
        return Ok(ItemOutcome::DueAt(due));
    }
    let (all, notices) = cx.store.read_oldest_notices(tx, tool, mail_text::MAX_EVENTS_IN_FULL).await?;
    if all > 0 && !recipients.is_empty() {
        let MailText { subject, body } = mail_text::render_mail(tool_name, all, &notices);
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
                reply: None,
            };
            cx.store.save_mail(tx, &mail).await?;
            cx.store.enqueue(tx, NotifyStore::MAIL_TASK, mail.id, now).await?;
        }
        pace.record_mail(&mut tool_mail_times.times, now);
        cx.store.save_mail_times(tx, &tool_mail_times).await?;
    }
    cx.store.delete_notices(tx, tool).await?;
    Ok(ItemOutcome::Finished)
}
