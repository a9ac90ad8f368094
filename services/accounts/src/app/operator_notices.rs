//! Notices of services to the operators, by mail.

use hearth_base::Result;
use hearth_kit::db::Tx;
use hearth_wire::accounts::internal::OperatorNotice;

use super::account_mails;
use crate::{
    context::AccountsContext,
    store::{AccountStore, OperatorMail},
};

/// Enqueues a mail to each operator.
pub async fn enqueue_notice(cx: &AccountsContext, notice: OperatorNotice) -> Result<()> {
    let tx = cx.store.begin().await?;
    enqueue_notice_in(cx, &tx, notice).await?;
    tx.commit().await
}

/// Enqueues a mail to each operator, in the transaction of what the notice is about.
pub async fn enqueue_notice_in(cx: &AccountsContext, tx: &Tx, notice: OperatorNotice) -> Result<()> {
    let OperatorNotice { key, subject, body } = notice;
    for operator in cx.store.list_operators(tx).await? {
        let mail = OperatorMail { operator, subject: subject.clone(), body: body.clone() };
        let key = format!("{key}:{operator}");
        cx.store.queue.enqueue(tx, AccountStore::OPERATOR_MAIL_TASK, &key, &mail, cx.now()).await?;
    }
    Ok(())
}

/// Sends a mail to an operator. One without a confirmed address gets none.
pub async fn send_operator_mail(cx: &AccountsContext, mail: OperatorMail) -> Result<()> {
    let OperatorMail { operator, subject, body } = mail;
    let operator = cx.store.find_user_by_id(operator).await?;
    let operator = operator.filter(|operator| operator.operator && !operator.disabled);
    let Some(to) = operator.and_then(|operator| operator.verified_email().cloned()) else { return Ok(()) };
    let body = format!("{body}\nThis Hearth: {}\n", cx.door.public_authority());
    account_mails::send_queued_mail(cx, to, subject, body).await
}
