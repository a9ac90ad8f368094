//! Worker that ends the builds of removed outside builders.

use hearth_base::{OutsideBuilderId, Result};
use hearth_kit::queue::{QueueItem, QueueTask, TaskName};

use crate::{
    app::outside::registry::{self, REMOVED_BUILDER_TASK},
    context::BuildsContext,
};

/// Task that ends builds; each item is a removed outside builder.
pub struct EndBuildsOfRemovedBuilders(pub BuildsContext);

impl QueueTask for EndBuildsOfRemovedBuilders {
    type Payload = OutsideBuilderId;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<OutsideBuilderId> {
        REMOVED_BUILDER_TASK
    }

    async fn perform_item(&self, item: &QueueItem<OutsideBuilderId>, (): &()) -> Result<()> {
        registry::fail_builds_of_removed_builder(&self.0, item.payload).await
    }
}
