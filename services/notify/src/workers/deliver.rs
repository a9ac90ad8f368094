//! Tells webhooks, several at one time. One that is slow holds the others up once, and is left alone then.

use hearth_base::{DeliveryId, Result};
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, Performed, QueueItem, Task, TaskName, TaskSettings},
};

use super::TASK_SETTINGS;
use crate::{
    app::deliver::{self, Attempt},
    cx::Cx,
    store::Store,
};

/// Delivers an event to a webhook; its items are deliveries that wait.
pub struct DeliverEvents(pub Cx);

impl Task for DeliverEvents {
    type Payload = ();
    type Loaded = ();
    type Output = (DeliveryId, Attempt);

    fn name(&self) -> TaskName<()> {
        Store::DELIVER_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings { concurrency: 4, ..TASK_SETTINGS }
    }

    async fn perform(&self, item: &QueueItem<()>, (): &()) -> Result<Self::Output> {
        let id = item.key.parse()?;
        Ok((id, deliver::attempt_delivery(&self.0, id).await?))
    }

    async fn record(&self, tx: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        let mut turns = Vec::new();
        for Performed { output: (id, attempt), .. } in performed {
            turns.push(deliver::record_attempt(&self.0, tx, *id, attempt).await?);
        }
        Ok(turns)
    }
}
