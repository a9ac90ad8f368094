//! Transmission of a mail to the mail server. A temporary refusal is retried for a day.

use hearth_base::{MailId, Result, ToolId};
use hearth_kit::{
    db::Tx,
    queue::ItemOutcome,
    tool_state::{ToolState, lock_tool},
};
use hearth_wire::notify::MailState;
use jiff::SignedDuration;

use crate::{
    context::NotifyContext,
    mailer::{MailRefusal, OutgoingMail},
    store::Mail,
};

/// The time after which a mail is no longer retried.
const MAX_RETRY_DURATION: SignedDuration = SignedDuration::from_hours(24);
/// The first pause; each further pause is twice as long.
const FIRST_RETRY_PAUSE_SECONDS: i64 = 60;
/// The longest pause.
const MAX_RETRY_PAUSE_SECONDS: i64 = 4 * 3600;

/// A mail that the server accepted or refused.
#[derive(Debug)]
pub struct SentMail {
    tool: ToolId,
    outcome: Result<(), MailRefusal>,
}

/// Sends a waiting mail.
pub async fn send_mail(cx: &NotifyContext, id: MailId) -> Result<Option<SentMail>> {
    let waiting = cx.store.find_mail(&id.to_string()).await?.filter(|mail| mail.state == MailState::Waiting);
    match waiting {
        Some(mail) => Ok(Some(SentMail { tool: mail.tool, outcome: deliver_mail(cx, &mail).await? })),
        None => Ok(None),
    }
}

/// Records the outcome of sending a mail.
pub async fn record_outcome(
    cx: &NotifyContext,
    tx: &Tx,
    id: MailId,
    sent: Option<&SentMail>,
) -> Result<ItemOutcome> {
    let now = cx.now();
    let Some(SentMail { tool, outcome }) = sent else { return Ok(ItemOutcome::Finished) };
    // The lock of the tool excludes a concurrent deletion of the mail with its tool.
    let tool_state = lock_tool(tx, *tool).await?;
    let found = cx.store.find_mail_in_tx(tx, id).await?.filter(|_| tool_state == ToolState::Exists);
    let Some(mut mail) = found else { return Ok(ItemOutcome::Finished) };
    mail.tries += 1;
    (mail.next, mail.reply) = (None, None);
    match outcome.clone() {
        Ok(()) => mail.state = MailState::Sent,
        Err(MailRefusal::Permanent(reply)) => (mail.state, mail.reply) = (MailState::Failed, Some(reply)),
        Err(MailRefusal::Temporary(reply)) if now.duration_since(mail.created) >= MAX_RETRY_DURATION => {
            (mail.state, mail.reply) = (MailState::Failed, Some(format!("given up after a day: {reply}")));
        }
        Err(MailRefusal::Temporary(reply)) => {
            tracing::info!(mail = %mail.id, tries = mail.tries, reply = reply, "mail refused temporarily; will retry");
            let pause = (FIRST_RETRY_PAUSE_SECONDS << (mail.tries - 1).min(10)).min(MAX_RETRY_PAUSE_SECONDS);
            (mail.next, mail.reply) = (Some(now + SignedDuration::from_secs(pause)), Some(reply));
        }
    }
    if mail.next.is_none() {
        // The body may hold output of runs: delete it as soon as it is not needed.
        mail.body.clear();
    }
    cx.store.save_mail(tx, &mail).await?;
    Ok(mail.next.map_or(ItemOutcome::Finished, ItemOutcome::DueAt))
}

/// Looks up the current address of the recipient and sends the mail. A user who is no longer a maintainer, or
/// has switched mail off, gets none.
async fn deliver_mail(cx: &NotifyContext, mail: &Mail) -> Result<Result<(), MailRefusal>> {
    let never = |reply: &str| Ok(Err(MailRefusal::Permanent(reply.to_owned())));
    let Some(mailer) = &cx.mailer else { return never("this Hearth no longer sends mail") };
    let recipients = cx.list_recipients(mail.tool).await?;
    let Some(recipient) = recipients.into_iter().find(|recipient| recipient.user == mail.user) else {
        return never("the recipient is no longer a maintainer with an address, or has switched mail off");
    };
    let Mail { id, tool_name, subject, body, created, .. } = mail;
    let outgoing_mail = OutgoingMail {
        id: *id,
        tool: Some(tool_name),
        to: &recipient.address,
        subject,
        body,
        written: *created,
    };
    Ok(mailer.send(&outgoing_mail).await)
}
