//! Worker that announces builds to outside builders.

use hearth_base::{BuildId, Result};
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, PerformedItem, QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings},
};
use jiff::SignedDuration;

use crate::{
    app::outside::{
        ANNOUNCE_TASK,
        announce::{self, AnnouncementResult},
    },
    context::{ANNOUNCEMENT_LANES, BuildsContext},
};

/// Task that announces builds; each item is a build of an outside builder.
pub struct AnnounceBuilds(pub BuildsContext);

impl QueueTask for AnnounceBuilds {
    type Payload = BuildId;
    type Loaded = ();
    type Output = AnnouncementResult;

    fn name(&self) -> TaskName<BuildId> {
        ANNOUNCE_TASK
    }

    /// An outage of another service fails no build: its deadline ends it.
    fn settings(&self) -> TaskSettings {
        TaskSettings {
            concurrency: ANNOUNCEMENT_LANES.permits,
            max_record_batch: 1,
            retry: RetryPolicy::with_unlimited_attempts(SignedDuration::from_secs(5)),
            ..TaskSettings::DEFAULT
        }
    }

    async fn perform_item(&self, item: &QueueItem<BuildId>, (): &()) -> Result<AnnouncementResult> {
        announce::announce_build(&self.0, item.payload).await
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        let mut outcomes = Vec::new();
        for one in performed {
            outcomes.push(announce::record_announcement(&self.0, tx, one.item.payload, &one.output).await?);
        }
        Ok(outcomes)
    }
}
