//! Worker that revokes credentials of builders.

use hearth_base::{BuildId, Result};
use hearth_kit::queue::{QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings};
use jiff::SignedDuration;

use crate::{
    app::{
        credentials::{self, REVOKE_TASK},
        outside::report,
    },
    context::BuildsContext,
};

/// Task that revokes credentials; each item is a build with credentials that are marked as revoked.
pub struct RevokeCredentials(pub BuildsContext);

impl QueueTask for RevokeCredentials {
    type Payload = BuildId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuildId> {
        REVOKE_TASK
    }

    fn settings(&self) -> TaskSettings {
        let retry = RetryPolicy::with_unlimited_attempts(SignedDuration::from_secs(5));
        TaskSettings { retry, ..TaskSettings::DEFAULT }
    }

    async fn perform_item(&self, item: &QueueItem<BuildId>, (): &()) -> Result<()> {
        credentials::revoke_credentials(&self.0, item.payload).await?;
        // A build that ended without a report of its builder has an open log.
        report::complete_ended_log(&self.0, item.payload).await
    }
}
