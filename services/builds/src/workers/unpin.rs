//! Gives up images of builds that were forgotten.

use hearth_base::{BuildId, Result};
use hearth_kit::queue::{QueueItem, Task, TaskName};

use crate::{
    app::clean::{self, UNPIN_TASK},
    cx::Cx,
};

/// Gives up the image of a build; its items are builds that were forgotten.
pub struct UnpinImages(pub Cx);

impl Task for UnpinImages {
    type Payload = BuildId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuildId> {
        UNPIN_TASK
    }

    async fn perform(&self, item: &QueueItem<BuildId>, (): &()) -> Result<()> {
        clean::unpin(&self.0, item.payload).await
    }
}
