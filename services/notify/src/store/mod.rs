//! The tables of `notify`: the only place that touches its database.

mod delivery;
mod mail;
mod migrations;
mod notice;
mod tool;
mod webhook;

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{
        Db, OrFault, Tx, columns,
        queue::{Queue, TaskName},
    },
    tool_state::lock_tool,
};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

pub use delivery::Delivery;
pub use mail::Mail;
pub use migrations::migrations;
pub use notice::WaitingNotice;
pub use webhook::{Webhook, place as webhook_place};

/// The database of `notify`.
///
/// A change locks the cursor of a consumer first, if it moves it, then its tool, then whatever else.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// What is done later.
    pub queue: Queue,
}

impl Store {
    /// The task that makes mails of what waits; its key is the tool's id.
    pub const GATHER_TASK: TaskName<()> = TaskName::new("gather");
    /// The task that sends a mail; its key is the mail's id.
    pub const MAIL_TASK: TaskName<()> = TaskName::new("mail");
    /// The task that tells a webhook; its key is the delivery's id.
    pub const DELIVER_TASK: TaskName<()> = TaskName::new("deliver");

    /// The tables in `db`, and the queue in it.
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { queue, db }
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }

    /// Asks for something to be sent, as part of a change.
    pub async fn enqueue(
        &self,
        tx: &Tx,
        task: TaskName<()>,
        key: impl ToString,
        due: Timestamp,
    ) -> Result<()> {
        self.queue.enqueue(tx, task, &key.to_string(), &(), due).await
    }

    /// Erases everything of a deleted tool.
    pub async fn erase(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        lock_tool(tx, tool).await?;
        let tool = tool.to_string();
        tool::row::Entity::delete_by_id(&*tool).exec(&**tx).await.or_fault()?;
        let notices = notice::row::Entity::delete_many().filter(notice::row::Column::ToolId.eq(&*tool));
        notices.exec(&**tx).await.or_fault()?;
        let mails = mail::row::Entity::delete_many().filter(mail::row::Column::ToolId.eq(&*tool));
        mails.exec(&**tx).await.or_fault()?;
        let off = tool::off::Entity::delete_many().filter(tool::off::Column::ToolId.eq(&*tool));
        off.exec(&**tx).await.or_fault()?;
        let deliveries =
            delivery::row::Entity::delete_many().filter(delivery::row::Column::ToolId.eq(&*tool));
        deliveries.exec(&**tx).await.or_fault()?;
        let webhooks = webhook::row::Entity::delete_many().filter(webhook::row::Column::ToolId.eq(&*tool));
        webhooks.exec(&**tx).await.or_fault().map(|_| ())
    }
}

/// A small count for a column.
fn narrow(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The same from a column.
fn wide(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
