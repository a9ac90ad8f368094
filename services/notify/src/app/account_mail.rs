//! Mail of `accounts` to one person: a code. It is sent while the person waits, so that the response contains a refusal of the mail server.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, MailId, Result};
use hearth_wire::notify::internal::AccountMail;

use crate::{
    context::NotifyContext,
    mailer::{MailRefusal, OutgoingMail},
};

/// Time limit for the dialogue with the mail server.
const ACCOUNT_MAIL_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends a mail to one person.
pub async fn send_account_mail(cx: &NotifyContext, mail: &AccountMail) -> Result<()> {
    let Some(mailer) = &cx.mailer else {
        return Err(Error::conflict("no-mail-server", "this Hearth sends no mail")
            .help("ask an operator of this Hearth to set [notify.smtp]"));
    };
    let AccountMail { to, subject, body } = mail;
    let id: MailId = cx.generate_id();
    let outgoing = OutgoingMail { id, tool: None, to, subject, body, written: cx.now() };
    let sent = tokio::time::timeout(ACCOUNT_MAIL_TIMEOUT, mailer.send(&outgoing)).await;
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(MailRefusal::Permanent(reply))) => {
            let public = format!("the mail server refuses the address: {reply}");
            Err(Error::new(ErrorKind::Unprocessable, "mail-refused", public).help("check the address"))
        }
        Ok(Err(MailRefusal::Temporary(reply))) => Err(build_temporary_error(&reply)),
        Err(_) => Err(build_temporary_error("it does not respond in time")),
    }
}

fn build_temporary_error(reply: &str) -> Error {
    Error::unavailable("mail-not-sent", format!("the mail server does not accept the mail now: {reply}"))
        .help("try again in a few minutes")
}
