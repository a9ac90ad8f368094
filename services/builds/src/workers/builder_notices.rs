//! Worker that notifies the operators of suspended builders.

use hearth_base::Result;
use hearth_kit::queue::{QueueItem, QueueTask, TaskName, TaskSettings};

use crate::{
    app::builder_notices::{self, BUILDER_NOTICE_TASK, BuilderNotice},
    context::BuildsContext,
};

/// Task that sends notices about builders.
pub struct SendBuilderNotices(pub BuildsContext);

impl QueueTask for SendBuilderNotices {
    type Payload = BuilderNotice;
    type Loaded = ();
    type Output = ();

    fn name(&self) -> TaskName<BuilderNotice> {
        BUILDER_NOTICE_TASK
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings::DEFAULT
    }

    async fn perform_item(&self, item: &QueueItem<BuilderNotice>, (): &()) -> Result<()> {
        builder_notices::send_notice(&self.0, &item.payload).await
    }
}
