//! Removes pins of images that no job uses any more.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, TaskName};

use crate::{app::jobs::pin, context::JobsContext, store::JobStore};

/// Queue task that removes pins of images. The key of an item is the holder of the pins, a job.
pub struct UnpinImages(pub JobsContext);

impl QueueTask for UnpinImages {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        JobStore::UNPIN_TASK
    }

    async fn perform_item(&self, item: &QueueItem<()>, (): &()) -> Result<()> {
        if pin::is_current_holder(&self.0, &item.key).await? {
            return Ok(());
        }
        self.0.peers.unpin_image(&item.key).await
    }
}
