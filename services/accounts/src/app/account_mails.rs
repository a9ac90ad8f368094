//! Mails to one person about the person's own account.

use hearth_base::{EmailAddress, ErrorKind, Result, Role};
use hearth_wire::notify::internal::AccountMail;

use crate::context::AccountsContext;

/// Sends a mail while the person waits. Every refusal is returned.
pub async fn send_mail(cx: &AccountsContext, to: EmailAddress, subject: String, body: String) -> Result<()> {
    let mail = AccountMail { to, subject, body };
    cx.clients.create_client(Role::Notify)?.notify().send_account_mail(&mail).await.map(drop)
}

/// Sends a mail of the queue. Only a refusal that a retry may mend is returned; others are logged.
pub async fn send_queued_mail(
    cx: &AccountsContext,
    to: EmailAddress,
    subject: String,
    body: String,
) -> Result<()> {
    match send_mail(cx, to, subject, body).await {
        Err(error) if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
            tracing::warn!(%error, "mail about an account refused");
            Ok(())
        }
        sent => sent,
    }
}
