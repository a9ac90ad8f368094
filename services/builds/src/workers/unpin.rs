//! Worker that unpins images of deleted builds.

use hearth_base::{BuildId, Result};
use hearth_kit::queue::{QueueItem, QueueTask, TaskName};

use crate::{
    app::cleanup::{self, UNPIN_TASK},
    context::BuildsContext,
};

/// Task that unpins images; each item is a deleted build.
pub struct UnpinImages(pub BuildsContext);

impl QueueTask for UnpinImages {
    type Payload = BuildId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuildId> {
        UNPIN_TASK
    }

    async fn perform_item(&self, item: &QueueItem<BuildId>, (): &()) -> Result<()> {
        cleanup::unpin_image(&self.0, item.payload).await
    }
}
