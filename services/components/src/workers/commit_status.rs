//! The worker that reports deployments to forges.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings};
use hearth_wire::components::{DeploymentId, ForgeDeliveryId};
use jiff::SignedDuration;

use crate::{
    app::commit_statuses::{REFUSAL_STATUS_TASK, STATUS_TASK, send_refusal_status, send_status},
    context::ComponentsContext,
};

/// Reports are repeated for about two hours: a forge may be down for an upgrade.
const RETRY_POLICY: RetryPolicy = RetryPolicy {
    max_attempts: Some(16),
    first_pause: SignedDuration::from_secs(5),
    longest_pause: SignedDuration::from_mins(20),
};

/// Reports the states of deployments. Its queue items are deployments whose state has changed.
pub struct CommitStatusTask(pub ComponentsContext);

impl QueueTask for CommitStatusTask {
    type Payload = DeploymentId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<DeploymentId> {
        STATUS_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings { concurrency: 8, retry: RETRY_POLICY, ..TaskSettings::DEFAULT }
    }

    async fn perform_item(&self, item: &QueueItem<DeploymentId>, (): &()) -> Result<()> {
        send_status(&self.0, item.payload).await
    }
}

/// Reports merge requests whose preview was refused. Its queue items are their deliveries.
pub struct RefusalStatusTask(pub ComponentsContext);

impl QueueTask for RefusalStatusTask {
    type Payload = ForgeDeliveryId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<ForgeDeliveryId> {
        REFUSAL_STATUS_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings { concurrency: 2, retry: RETRY_POLICY, ..TaskSettings::DEFAULT }
    }

    async fn perform_item(&self, item: &QueueItem<ForgeDeliveryId>, (): &()) -> Result<()> {
        send_refusal_status(&self.0, item.payload).await
    }
}
