//! The tables of `notify`: the only place that touches its database.

mod delivery;
#[cfg(test)]
mod golden;
mod mail;
mod mail_choice;
mod migrations;
mod notice;
mod tool;
mod webhook;

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{
        Db, OrDbError, Tx, columns,
        queue::{Queue, TaskName},
    },
    tool_state::lock_tool,
};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

pub use delivery::Delivery;
pub use mail::Mail;
pub use mail_choice::MailChoice;
pub use migrations::list_migrations;
pub use notice::{NoticeCount, WaitingNotice};
pub use webhook::{Webhook, format_secret_context};

/// The database of `notify`.
///
/// A transaction locks in this order: the cursor of a consumer if it moves it, its tool, other rows.
#[derive(Debug, Clone)]
pub struct NotifyStore {
    db: Db,
    /// The queue of this service.
    pub queue: Queue,
}

impl NotifyStore {
    /// The task that creates mails from waiting notices; its key is the tool's id.
    pub const GATHER_TASK: TaskName<()> = TaskName::new("gather");
    /// The task that sends a mail; its key is the mail's id.
    pub const MAIL_TASK: TaskName<()> = TaskName::new("mail");
    /// The task of release 0.1.0 that sends a delivery; its key is the delivery's id. Its items are handed to
    /// [`Self::WEBHOOK_TASK`].
    pub const DELIVER_TASK: TaskName<()> = TaskName::new("deliver");
    /// The task that sends the next delivery of a webhook; its key is the webhook's id.
    pub const WEBHOOK_TASK: TaskName<()> = TaskName::new("deliver-webhook");

    /// Opens the tables and the queue in `db`.
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { queue, db }
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }

    /// Enqueues a task in a transaction.
    pub async fn enqueue(
        &self,
        tx: &Tx,
        task: TaskName<()>,
        key: impl ToString,
        due: Timestamp,
    ) -> Result<()> {
        self.queue.enqueue(tx, task, &key.to_string(), &(), due).await
    }

    /// Deletes the data of a deleted tool.
    pub async fn delete_tool_data(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        lock_tool(tx, tool).await?;
        let tool = tool.to_string();
        tool::row::Entity::delete_by_id(&*tool).exec(&**tx).await.or_db_error()?;
        let notices = notice::row::Entity::delete_many().filter(notice::row::Column::ToolId.eq(&*tool));
        notices.exec(&**tx).await.or_db_error()?;
        let mails = mail::row::Entity::delete_many().filter(mail::row::Column::ToolId.eq(&*tool));
        mails.exec(&**tx).await.or_db_error()?;
        let opt_outs = tool::off::Entity::delete_many().filter(tool::off::Column::ToolId.eq(&*tool));
        opt_outs.exec(&**tx).await.or_db_error()?;
        let choices =
            mail_choice::row::Entity::delete_many().filter(mail_choice::row::Column::ToolId.eq(&*tool));
        choices.exec(&**tx).await.or_db_error()?;
        let deliveries =
            delivery::row::Entity::delete_many().filter(delivery::row::Column::ToolId.eq(&*tool));
        deliveries.exec(&**tx).await.or_db_error()?;
        let webhooks = webhook::row::Entity::delete_many().filter(webhook::row::Column::ToolId.eq(&*tool));
        webhooks.exec(&**tx).await.or_db_error().map(|_| ())
    }
}

/// Converts a count to a column value, saturating.
fn to_column_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Converts a column value to a count; negative values become 0.
fn from_column_count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
