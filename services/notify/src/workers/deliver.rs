//! The workers that send deliveries: several webhooks at one time, and of each one delivery after the other. A tool
//! uses at most its share of the lanes, so that its slow receivers do not delay the deliveries of other tools.

use hearth_base::{Result, WebhookId};
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

/// Sends the next delivery of a webhook. Its queue items are webhooks with waiting deliveries.
pub struct DeliverEvents(pub NotifyContext);

impl QueueTask for DeliverEvents {
    type Payload = ();
    type Loaded = ();
    type Output = (WebhookId, DeliveryAttempt);

    fn name(&self) -> TaskName<()> {
        NotifyStore::WEBHOOK_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings { concurrency: self.0.settings.count_lanes(), ..TASK_SETTINGS }
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

/// Hands the deliveries that release 0.1.0 enqueued to their webhooks.
pub struct HandOverDeliveries(pub NotifyContext);

impl QueueTask for HandOverDeliveries {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        NotifyStore::DELIVER_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform_item(&self, _: &QueueItem<()>, (): &()) -> Result<()> {
        Ok(())
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        for PerformedItem { item, .. } in performed {
            delivery::hand_over_delivery(&self.0, tx, item.key.parse()?).await?;
        }
        Ok(performed.iter().map(|_| ItemOutcome::Finished).collect())
    }
}
