//! Worker that ends builds at their deadline.

use hearth_base::{BuildId, Result};
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, PerformedItem, QueueItem, QueueTask, TaskName},
};

use crate::{app::time_limit, context::BuildsContext};

/// Task that ends builds at their deadline; each item is a started build.
pub struct EndBuilds {
    pub cx: BuildsContext,
    /// `TIME_LIMIT_TASK` or `OUTSIDE_TIME_LIMIT_TASK`.
    pub task: TaskName<BuildId>,
}

impl QueueTask for EndBuilds {
    type Payload = BuildId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuildId> {
        self.task
    }

    async fn perform_item(&self, _: &QueueItem<BuildId>, (): &()) -> Result<()> {
        Ok(())
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        for one in performed {
            time_limit::end_overdue_build(&self.cx, tx, one.item.payload).await?;
        }
        Ok(performed.iter().map(|_| ItemOutcome::Finished).collect())
    }
}
