//! The worker that sends mails, one after the other: mail servers limit parallel connections.

use hearth_base::{MailId, Result};
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, PerformedItem, QueueItem, QueueTask, TaskName, TaskSettings},
};

use super::TASK_SETTINGS;
use crate::{
    app::mail::{self, SentMail},
    context::NotifyContext,
    store::NotifyStore,
};

/// Sends a mail. Its queue items are waiting mails.
pub struct SendMails(pub NotifyContext);

impl QueueTask for SendMails {
    type Payload = ();
    type Loaded = ();
    type Output = (MailId, Option<SentMail>);

    fn name(&self) -> TaskName<()> {
        NotifyStore::MAIL_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<Self::Output> {
        let id = item.key.parse()?;
        Ok((id, mail::send_mail(&self.0, id).await?))
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        let mut turns = Vec::new();
        for PerformedItem { output: (id, sent), .. } in performed {
            turns.push(mail::record_outcome(&self.0, tx, *id, sent.as_ref()).await?);
        }
        Ok(turns)
    }
}
