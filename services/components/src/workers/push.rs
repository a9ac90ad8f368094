//! The worker that deploys pushes and previews, and deletes previews.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, TaskName, TaskSettings};

use crate::{
    app::{
        preview_removal::{find_closed_preview, remove_preview},
        push_deployments::{PUSH_TASK, PushKey, deploy_push},
    },
    context::ComponentsContext,
};

const TASK_SETTINGS: TaskSettings = TaskSettings { concurrency: 8, ..TaskSettings::DEFAULT };

/// Deploys the newest commit of pushed refs, and deletes previews of closed merge requests. Its queue items are refs with
/// waiting deliveries.
pub struct PushTask(pub ComponentsContext);

impl QueueTask for PushTask {
    type Payload = PushKey;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<PushKey> {
        PUSH_TASK
    }

    fn settings(&self) -> TaskSettings {
        TASK_SETTINGS
    }

    async fn perform_item(&self, item: &QueueItem<PushKey>, (): &()) -> Result<()> {
        let is_last = TASK_SETTINGS.retry.is_last_attempt(item.failures);
        match find_closed_preview(&self.0, &item.payload).await? {
            Some(closed) => remove_preview(&self.0, &closed, &item.payload, is_last).await,
            None => deploy_push(&self.0, &item.payload, is_last).await,
        }
    }
}
