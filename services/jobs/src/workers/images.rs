//! Consumes `images`' events: tags that mean another manifest by now.

use std::collections::BTreeSet;

use hearth_base::Result;
use hearth_kit::{
    Kit, Worker,
    db::Tx,
    events::{Consumer, EventHandler, Resume},
};
use hearth_wire::{
    events::{Event, Topic},
    images::internal::{TagEvent, TagMoved},
};

use crate::{
    app::jobs::image_updates::{self, Moved},
    cx::Cx,
};

/// The worker that looks at jobs whose images may have moved.
pub fn create_worker(kit: &Kit, cx: Cx) -> Result<Worker> {
    Ok(Consumer::new(kit, "images", TagEvent::TOPIC_INFO).stored(kit.db()?, MovedTags(cx)))
}

struct MovedTags(Cx);

impl EventHandler for MovedTags {
    /// Each job is compared with what its image means now, in changes of their own: doing so twice does no harm.
    async fn prepare(&self, events: &[Event]) -> Result<()> {
        let moved: BTreeSet<Moved> = events.iter().map(read_moved).collect();
        for moved in moved {
            image_updates::look(&self.0, moved).await?;
        }
        Ok(())
    }

    async fn apply(&self, _: &Tx, _: Vec<Event>) -> Result<()> {
        Ok(())
    }

    async fn rebuild(&self) -> Result<Resume> {
        image_updates::look(&self.0, Moved::Any).await?;
        Ok(Resume::AtHead)
    }
}

fn read_moved(event: &Event) -> Moved {
    match event.decode() {
        Ok(Some(TagEvent::Moved(TagMoved { tool: Some(tool), .. }))) => Moved::Of(tool),
        Ok(Some(TagEvent::Moved(TagMoved { tool: None, .. }))) => Moved::Provided,
        // Of a newer release: whatever it is, a look does no harm.
        Ok(None) | Err(_) => Moved::Any,
    }
}
