//! The worker that creates mails from notices.

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, PerformedItem, QueueItem, QueueTask, TaskName, TaskSettings},
};

use super::TASK_SETTINGS;
use crate::{
    app::gather::{self, MailReaders},
    context::NotifyContext,
    store::NotifyStore,
};

/// Creates mails from a tool's notices. Its queue items are tools.
pub struct GatherNotices(pub NotifyContext);

impl QueueTask for GatherNotices {
    type Payload = ();
    type Loaded = ();
    type Output = (ToolId, Option<MailReaders>);

    fn name(&self) -> TaskName<()> {
        NotifyStore::GATHER_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<Self::Output> {
        let tool = item.key.parse()?;
        Ok((tool, gather::find_readers(&self.0, tool).await?))
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        let mut turns = Vec::new();
        for PerformedItem { output: (tool, readers), .. } in performed {
            turns.push(gather::write_mails(&self.0, tx, *tool, readers.as_ref()).await?);
        }
        Ok(turns)
    }
}
