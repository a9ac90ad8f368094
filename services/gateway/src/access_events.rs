//! Consumer of `accounts`' access events: a revoked credential is rejected at once, before its cached
//! identity expires, and the streams that it opened end.

use std::sync::Arc;

use hearth_base::Result;
use hearth_kit::{
    Worker,
    events::{EventConsumer, ViewHandler},
};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent},
    events::{Event, Topic},
};

use crate::{Gateway, identities::AccessChange};

/// Creates the worker that clears cached identities when access changes. While `accounts` cannot be read, a
/// cached identity stays valid for up to ten seconds.
pub fn create_worker(gateway: &Arc<Gateway>) -> Worker {
    EventConsumer::new(&gateway.kit, "access", AccessEvent::TOPIC_INFO)
        .into_view_worker(RememberedIdentities(gateway.clone()))
}

struct RememberedIdentities(Arc<Gateway>);

impl ViewHandler for RememberedIdentities {
    async fn rebuild_view(&self) -> Result<()> {
        self.0.identities.note_changes([AccessChange::Any]);
        Ok(())
    }

    async fn apply_events(&self, events: Vec<Event>) -> Result<()> {
        let changes = events.iter().map(|event| match event.decode() {
            Ok(Some(AccessEvent::Changed(AccessChanged { about }))) => AccessChange::About(about),
            // An event type of a newer release.
            Ok(None) | Err(_) => AccessChange::Any,
        });
        self.0.identities.note_changes(changes);
        Ok(())
    }

    fn mark_disconnected(&self) {
        self.0.identities.note_changes([AccessChange::Any]);
    }
}
