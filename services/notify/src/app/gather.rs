//! Creation of mails from the waiting notices of a tool: one for each maintainer who has chosen any of their event types.

use std::collections::BTreeMap;

use hearth_base::{ErrorKind, MailId, Result, Role, ToolId, ToolName, UserId};
use hearth_kit::{db::Tx, queue::ItemOutcome};
use hearth_wire::{
    accounts::internal::Recipient,
    notify::{EventType, MailState},
};

use super::{
    mail_text::{self, MailText},
    pace::MailPace,
};
use crate::{
    context::NotifyContext,
    store::{Mail, MailChoice, NoticeCount, NotifyStore},
};

/// The people who get mail about a tool.
#[derive(Debug)]
pub struct MailReaders {
    tool_name: ToolName,
    recipients: Vec<Recipient>,
    choices: BTreeMap<UserId, MailChoice>,
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
    let recipients = cx.list_recipients(tool).await?;
    let choices = cx.store.list_mail_choices(tool).await?;
    Ok(Some(MailReaders { tool_name: facts.name, recipients, choices }))
}

/// Creates the due mails about a tool. Without readers it creates none.
pub async fn write_mails(
    cx: &NotifyContext,
    tx: &Tx,
    tool: ToolId,
    readers: Option<&MailReaders>,
) -> Result<ItemOutcome> {
    let Some(readers) = readers else { return Ok(ItemOutcome::Finished) };
    let (now, pace) = (cx.now(), MailPace::from_settings(&cx.settings));
    let Some(mut tool_mail_times) = cx.store.lock_mail_times(tx, tool).await? else {
        return Ok(ItemOutcome::Finished);
    };
    let due = pace.next_mail_time(&tool_mail_times.times, now);
    if due > now {
        return Ok(ItemOutcome::DueAt(due));
    }
    if write_chosen_mails(cx, tx, tool, readers).await? {
        pace.record_mail(&mut tool_mail_times.times, now);
        cx.store.save_mail_times(tx, &tool_mail_times).await?;
    }
    cx.store.delete_notices(tx, tool).await?;
    Ok(ItemOutcome::Finished)
}

/// The text of a mail, and the number of its events.
struct GatheredMail {
    text: MailText,
    events: u64,
}

/// Creates for each recipient a mail about the waiting events that the recipient has chosen. Returns whether there is any.
async fn write_chosen_mails(
    cx: &NotifyContext,
    tx: &Tx,
    tool: ToolId,
    readers: &MailReaders,
) -> Result<bool> {
    let MailReaders { tool_name, recipients, choices } = readers;
    let now = cx.now();
    let (counts, default_choice) = (cx.store.count_notices_in_tx(tx, tool).await?, MailChoice::default());
    // Recipients with the same choice get the same text.
    let mut gathered: BTreeMap<Vec<Option<EventType>>, GatheredMail> = BTreeMap::new();
    let mut is_any_written = false;
    for recipient in recipients {
        let choice = choices.get(&recipient.user).unwrap_or(&default_choice);
        let is_included = |notices: &&NoticeCount| choice.includes_event(notices.event_type.as_ref());
        let types: Vec<_> =
            counts.iter().filter(is_included).map(|notices| notices.event_type.clone()).collect();
        if types.is_empty() {
            continue;
        }
        if !gathered.contains_key(&types) {
            let events = counts.iter().filter(is_included).map(|notices| notices.count).sum();
            let limit = mail_text::MAX_EVENTS_IN_FULL;
            let notices = cx.store.read_oldest_notices(tx, tool, &types, limit).await?;
            let text = mail_text::render_mail(tool_name, events, &notices);
            gathered.insert(types.clone(), GatheredMail { text, events });
        }
        let Some(GatheredMail { text, events }) = gathered.get(&types) else { continue };
        let mail = Mail {
            id: MailId::new(now, &cx.entropy),
            tool,
            tool_name: tool_name.clone(),
            user: recipient.user,
            user_name: recipient.name.clone(),
            subject: text.subject.clone(),
            body: text.body.clone(),
            events: u32::try_from(*events).unwrap_or(u32::MAX),
            state: MailState::Waiting,
            tries: 0,
            created: now,
            next: Some(now),
            reply: None,
        };
        cx.store.save_mail(tx, &mail).await?;
        cx.store.enqueue(tx, NotifyStore::MAIL_TASK, mail.id, now).await?;
        is_any_written = true;
    }
    Ok(is_any_written)
}
