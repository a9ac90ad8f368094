//! Lets go of images that no job uses any more.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, Task, TaskName};

use crate::{app::jobs::pin, cx::Cx, store::Store};

/// Lets go of an image; its items are holders of pins.
pub struct UnpinImages(pub Cx);

impl Task for UnpinImages {
    type Payload = ();
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<()> {
        Store::UNPIN
    }

    async fn perform(&self, item: &QueueItem<()>, (): &()) -> Result<()> {
        if pin::is_holder(&self.0, &item.key).await? {
            return Ok(());
        }
        self.0.neighbours.unpin(&item.key).await
    }
}
