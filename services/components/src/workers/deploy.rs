//! The worker that runs deployments. After a crash, another process continues its deployments.

use std::time::Duration;

use futures::FutureExt;
use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, TaskName, TaskSettings};
use hearth_wire::components::DeploymentId;

use crate::{
    app::{create::DEPLOY_TASK, runner},
    context::ComponentsContext,
};

/// One process takes up to 64 deployments at one time. When it stops, it hands them back at once, and another
/// process continues them.
const TASK_SETTINGS: TaskSettings =
    TaskSettings { concurrency: 64, stop_grace: Duration::ZERO, ..TaskSettings::DEFAULT };

/// Runs a deployment to its end. Its queue items are deployments that are not finalized.
pub struct DeployTask(pub ComponentsContext);

impl QueueTask for DeployTask {
    type Payload = DeploymentId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<DeploymentId> {
        DEPLOY_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform_item(&self, item: &QueueItem<DeploymentId>, (): &()) -> Result<()> {
        let is_last = TASK_SETTINGS.retry.is_last_attempt(item.failures);
        runner::run_deployment(&self.0, item.payload, is_last).boxed().await
    }
}
