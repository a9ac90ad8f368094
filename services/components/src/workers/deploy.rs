//! Takes deployments that are due, each to its end. One that this process leaves is taken up by another.

use std::time::Duration;

use futures::FutureExt;
use hearth_base::Result;
use hearth_kit::queue::{QueueItem, Task, TaskName, TaskSettings};
use hearth_wire::components::DeploymentId;

use crate::{
    app::{create::DEPLOY, drive},
    cx::Cx,
};

/// How many deployments one process takes at one time. One that stops hands them back at once: another goes on where
/// they are.
const SETTINGS: TaskSettings =
    TaskSettings { concurrency: 64, stop_grace: Duration::ZERO, ..TaskSettings::DEFAULT };

/// Takes a deployment to its end; its items are deployments that are not settled.
pub struct Deploy(pub Cx);

impl Task for Deploy {
    type Payload = DeploymentId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<DeploymentId> {
        DEPLOY
    }

    fn settings(&self) -> TaskSettings {
        SETTINGS
    }

    async fn perform(&self, item: &QueueItem<DeploymentId>, (): &()) -> Result<()> {
        let is_last = SETTINGS.retry.is_last_attempt(item.failures);
        drive::drive(&self.0, item.payload, is_last).boxed().await
    }
}
