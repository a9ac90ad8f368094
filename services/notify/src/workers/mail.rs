//! Sends mails, one after the other: mail servers like that.

use hearth_base::{MailId, Result};
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, Performed, QueueItem, Task, TaskName, TaskSettings},
};

use super::TASK_SETTINGS;
use crate::{
    app::mail::{self, SentMail},
    cx::Cx,
    store::Store,
};

/// Sends a mail; its items are mails that wait.
pub struct SendMails(pub Cx);

impl Task for SendMails {
    type Payload = ();
    type Loaded = ();
    type Output = (MailId, Option<SentMail>);

    fn name(&self) -> TaskName<()> {
        Store::MAIL_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform(&self, item: &QueueItem<()>, (): &()) -> Result<Self::Output> {
        let id = item.key.parse()?;
        Ok((id, mail::send_mail(&self.0, id).await?))
    }

    async fn record(&self, tx: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        let mut turns = Vec::new();
        for Performed { output: (id, sent), .. } in performed {
            turns.push(mail::record_outcome(&self.0, tx, *id, sent.as_ref()).await?);
        }
        Ok(turns)
    }
}
