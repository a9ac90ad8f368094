//! Consumers of the event topics that are declared for webhooks.

use hearth_base::Result;
use hearth_kit::{
    Kit, Worker,
    db::Tx,
    events::{EventConsumer, EventHandler, ResumePosition},
};
use hearth_wire::{events::Event, topics::webhook_topics};

use crate::{app::intake, context::NotifyContext};

/// Creates a consumer for each topic that is declared for webhooks.
pub fn create_workers(kit: &Kit, cx: &NotifyContext) -> Result<Vec<Worker>> {
    let db = kit.db()?;
    let worker =
        |topic| EventConsumer::new(kit, "follow", topic).into_stored_worker(db, EventIntake(cx.clone()));
    Ok(webhook_topics().map(worker).collect())
}

struct EventIntake(NotifyContext);

impl EventHandler for EventIntake {
    async fn apply_events(&self, tx: &Tx, events: Vec<Event>) -> Result<()> {
        intake::process_events(&self.0, tx, events).await
    }

    /// Continues at the oldest event; lost events are not delivered.
    async fn rebuild_state(&self) -> Result<ResumePosition> {
        Ok(ResumePosition::AtOldest)
    }
}
