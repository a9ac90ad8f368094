//! Makes mails of notices.

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, Performed, QueueItem, Task, TaskName, TaskSettings},
};

use super::TASK_SETTINGS;
use crate::{
    app::gather::{self, Readers},
    cx::Cx,
    store::Store,
};

/// Makes mails of a tool's notices; its items are tools.
pub struct GatherNotices(pub Cx);

impl Task for GatherNotices {
    type Payload = ();
    type Loaded = ();
    type Output = (ToolId, Option<Readers>);

    fn name(&self) -> TaskName<()> {
        Store::GATHER_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform(&self, item: &QueueItem<()>, (): &()) -> Result<Self::Output> {
        let tool = item.key.parse()?;
        Ok((tool, gather::find_readers(&self.0, tool).await?))
    }

    async fn record(&self, tx: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        let mut turns = Vec::new();
        for Performed { output: (tool, readers), .. } in performed {
            turns.push(gather::write_mails(&self.0, tx, *tool, readers.as_ref()).await?);
        }
        Ok(turns)
    }
}
