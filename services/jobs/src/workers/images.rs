//! Consumes events of `images` about moved tags.

use std::collections::BTreeSet;

use hearth_base::Result;
use hearth_kit::{
    Kit, Worker,
    db::Tx,
    events::{EventConsumer, EventHandler, ResumePosition},
};
use hearth_wire::{
    events::{Event, Topic},
    images::internal::{TagEvent, TagMoved},
};

use crate::{
    app::jobs::image_updates::{self, MovedImages},
    context::JobsContext,
};

/// Creates the worker that checks jobs whose images may have moved.
pub fn create_worker(kit: &Kit, cx: JobsContext) -> Result<Worker> {
    Ok(EventConsumer::new(kit, "images", TagEvent::TOPIC_INFO).into_stored_worker(kit.db()?, MovedTags(cx)))
}

struct MovedTags(JobsContext);

impl EventHandler for MovedTags {
    /// Applies newer images to jobs, each in its own transaction. Repeating this changes nothing.
    async fn prepare_events(&self, events: &[Event]) -> Result<()> {
        let moved: BTreeSet<MovedImages> = events.iter().map(read_moved_images).collect();
        for moved in moved {
            image_updates::apply_moved_images(&self.0, moved).await?;
        }
        Ok(())
    }

    async fn apply_events(&self, _: &Tx, _: Vec<Event>) -> Result<()> {
        Ok(())
    }

    async fn rebuild_state(&self) -> Result<ResumePosition> {
        image_updates::apply_moved_images(&self.0, MovedImages::Any).await?;
        Ok(ResumePosition::AtHead)
    }
}

fn read_moved_images(event: &Event) -> MovedImages {
    match event.decode() {
        Ok(Some(TagEvent::Moved(TagMoved { tool: Some(tool), .. }))) => MovedImages::Tool(tool),
        Ok(Some(TagEvent::Moved(TagMoved { tool: None, .. }))) => MovedImages::Provided,
        // An event of a newer release: checking all jobs is always correct.
        Ok(None) | Err(_) => MovedImages::Any,
    }
}
