//! Handing a mail over to the mail server. What may be taken later is tried again, for a day.

use hearth_base::{MailId, Result, ToolId};
use hearth_kit::{
    db::Tx,
    queue::NextTurn,
    tool_state::{ToolState, lock_tool},
};
use hearth_wire::notify::MailState;
use jiff::SignedDuration;

use crate::{
    cx::Cx,
    mailer::{Letter, Refusal},
    store::Mail,
};

/// How long a mail is tried.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// The first pause; each is twice as long as the one before.
const FIRST: i64 = 60;
/// The longest.
const LONGEST: i64 = 4 * 3600;

/// A mail that was handed over, or refused.
#[derive(Debug)]
pub struct SentMail {
    tool: ToolId,
    outcome: Result<(), Refusal>,
}

/// Hands a mail over to the mail server, if it is still to be sent.
pub async fn send_mail(cx: &Cx, id: MailId) -> Result<Option<SentMail>> {
    let waiting = cx.store.mail(&id.to_string()).await?.filter(|mail| mail.state == MailState::Waiting);
    match waiting {
        Some(mail) => Ok(Some(SentMail { tool: mail.tool, outcome: hand_over(cx, &mail).await? })),
        None => Ok(None),
    }
}

/// Records the outcome of sending a mail.
pub async fn record_outcome(cx: &Cx, tx: &Tx, id: MailId, sent: Option<&SentMail>) -> Result<NextTurn> {
    let now = cx.now();
    let Some(SentMail { tool, outcome }) = sent else { return Ok(NextTurn::Finished) };
    // Erased with its tool meanwhile, which is locked for that: nothing is recorded.
    let tool_state = lock_tool(tx, *tool).await?;
    let found = cx.store.mail_in(tx, id).await?.filter(|_| tool_state == ToolState::Exists);
    let Some(mut mail) = found else { return Ok(NextTurn::Finished) };
    mail.tries += 1;
    (mail.next, mail.said) = (None, None);
    match outcome.clone() {
        Ok(()) => mail.state = MailState::Sent,
        Err(Refusal::Never(said)) => (mail.state, mail.said) = (MailState::Failed, Some(said)),
        Err(Refusal::Later(said)) if now.duration_since(mail.created) >= PATIENCE => {
            (mail.state, mail.said) = (MailState::Failed, Some(format!("given up after a day: {said}")));
        }
        Err(Refusal::Later(said)) => {
            tracing::info!(mail = %mail.id, tries = mail.tries, said, "a mail waits");
            let pause = (FIRST << (mail.tries - 1).min(10)).min(LONGEST);
            (mail.next, mail.said) = (Some(now + SignedDuration::from_secs(pause)), Some(said));
        }
    }
    if mail.next.is_none() {
        // What runs wrote is not kept here for longer than it takes.
        mail.body.clear();
    }
    cx.store.mail_put(tx, &mail).await?;
    Ok(mail.next.map_or(NextTurn::Finished, NextTurn::DueAt))
}

/// The address is looked up now: whoever is no maintainer any more, or wants none, gets none.
async fn hand_over(cx: &Cx, mail: &Mail) -> Result<Result<(), Refusal>> {
    let never = |said: &str| Ok(Err(Refusal::Never(said.to_owned())));
    let Some(mailer) = &cx.mailer else { return never("this Hearth sends no mail any more") };
    let recipients = cx.recipients(mail.tool).await?;
    let Some(recipient) = recipients.into_iter().find(|recipient| recipient.user == mail.user) else {
        return never("no maintainer with an address any more, or mail was switched off");
    };
    let Mail { id, tool_name, subject, body, created, .. } = mail;
    let letter =
        Letter { id: *id, tool: tool_name, to: &recipient.address, subject, body, written: *created };
    Ok(mailer.send(&letter).await)
}
