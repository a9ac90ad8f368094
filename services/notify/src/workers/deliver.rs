//! The worker that sends deliveries, several at one time. A slow webhook delays the others once and is then
//! backed off.

use hearth_base::{DeliveryId, Result};
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, PerformedItem, QueueItem, QueueTask, TaskName, TaskSettings},
};

use super::TASK_SETTINGS;
use crate::{
    app::delivery::{self, DeliveryAttempt},
    context::NotifyContext,
    store::NotifyStore,
};

/// Delivers an event to a webhook. Its queue items are waiting deliveries.
pub struct DeliverEvents(pub NotifyContext);

impl QueueTask for DeliverEvents {
    type Payload = ();
    type Loaded = ();
    type Output = (DeliveryId, DeliveryAttempt);

    fn name(&self) -> TaskName<()> {
        NotifyStore::DELIVER_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings { concurrency: 4, ..TASK_SETTINGS }
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<Self::Output> {
        let id = item.key.parse()?;
        Ok((id, delivery::attempt_delivery(&self.0, id).await?))
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        let mut turns = Vec::new();
        for PerformedItem { output: (id, attempt), .. } in performed {
            turns.push(delivery::record_attempt(&self.0, tx, *id, attempt).await?);
        }
        Ok(turns)
    }
}
