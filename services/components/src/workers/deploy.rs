//! Takes deployments that are due, each to its end. One that this process leaves is taken up by another.

use std::time::Duration;

use futures::FutureExt;
use hearth_base::Result;
use hearth_kit::queue::{QueueItem, Task, TaskName, TaskSettings};
use hearth_wire::components::DeploymentId;

use crate::{
    app::{create::DEPLOY_TASK, drive},
    cx::Cx,
};

/// One process takes up to 64 deployments at one time. When it stops, it hands them back at once, and another process
/// continues them.
const TASK_SETTINGS: TaskSettings =
    TaskSettings { concurrency: 64, stop_grace: Duration::ZERO, ..TaskSettings::DEFAULT };

/// Takes a deployment to its end; its items are deployments that are not settled.
pub struct Deploy(pub Cx);

impl Task for Deploy {
    type Payload = DeploymentId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<DeploymentId> {
        DEPLOY_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform(&self, item: &QueueItem<DeploymentId>, (): &()) -> Result<()> {
        let is_last = TASK_SETTINGS.retry.is_last_attempt(item.failures);
        drive::drive(&self.0, item.payload, is_last).boxed().await
    }
}
