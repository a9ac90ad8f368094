//! Worker that signs the provenance of built images.

use hearth_base::{BuildId, Result};
use hearth_kit::queue::{QueueItem, QueueTask, TaskName};

use crate::{
    app::provenance::{self, PROVENANCE_TASK},
    context::BuildsContext,
};

/// Task that signs and attaches provenance; each item is a build that made an image.
pub struct AttachProvenance(pub BuildsContext);

impl QueueTask for AttachProvenance {
    type Payload = BuildId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuildId> {
        PROVENANCE_TASK
    }

    async fn perform_item(&self, item: &QueueItem<BuildId>, (): &()) -> Result<()> {
        provenance::attach_provenance(&self.0, item.payload).await
    }
}
