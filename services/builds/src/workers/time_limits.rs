//! Ends builds whose time is over.

use hearth_base::{BuildId, Result};
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, Performed, QueueItem, Task, TaskName},
};

use crate::{
    app::time_limit::{self, TIME_LIMIT_TASK},
    cx::Cx,
};

/// Ends a build whose time is over; its items are builds that began.
pub struct EndBuilds(pub Cx);

impl Task for EndBuilds {
    type Payload = BuildId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuildId> {
        TIME_LIMIT_TASK
    }

    async fn perform(&self, _: &QueueItem<BuildId>, (): &()) -> Result<()> {
        Ok(())
    }

    async fn record(&self, tx: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        for one in performed {
            time_limit::end(&self.0, tx, one.item.payload).await?;
        }
        Ok(performed.iter().map(|_| NextTurn::Finished).collect())
    }
}
