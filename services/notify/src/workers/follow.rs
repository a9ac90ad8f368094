//! Consumes the events of every service that declares some for webhooks.

use hearth_base::Result;
use hearth_kit::{
    Kit, Worker,
    db::Tx,
    events::{Consumer, EventHandler, Resume},
};
use hearth_wire::{events::Event, topics::webhook_topics};

use crate::{app::take, cx::Cx};

/// A worker for each topic that webhooks are sent.
pub fn create_workers(kit: &Kit, cx: &Cx) -> Result<Vec<Worker>> {
    let db = kit.db()?;
    let worker = |topic| Consumer::new(kit, "follow", topic).stored(db, EventTaker(cx.clone()));
    Ok(webhook_topics().map(worker).collect())
}

struct EventTaker(Cx);

impl EventHandler for EventTaker {
    async fn apply(&self, tx: &Tx, events: Vec<Event>) -> Result<()> {
        take::take_events(&self.0, tx, events).await
    }

    /// Nobody is told of what is lost.
    async fn rebuild(&self) -> Result<Resume> {
        Ok(Resume::AtOldest)
    }
}
