//! Consumes `accounts`' events, so that what was revoked is refused at once and not when its identity expires.

use std::sync::Arc;

use hearth_base::Result;
use hearth_kit::{
    Worker,
    events::{Consumer, ViewHandler},
};
use hearth_wire::{
    accounts::internal::AccessEvent,
    events::{Event, Topic},
};

use crate::Gateway;

/// The worker that forgets identities when access changes. While `accounts` cannot be read, identities are good for
/// their ten seconds.
pub fn create_worker(gateway: &Arc<Gateway>) -> Worker {
    Consumer::new(&gateway.kit, "access", AccessEvent::TOPIC_INFO)
        .in_memory(RememberedIdentities(gateway.clone()))
}

struct RememberedIdentities(Arc<Gateway>);

impl ViewHandler for RememberedIdentities {
    async fn rebuild(&self) -> Result<()> {
        self.0.identities.forget();
        Ok(())
    }

    async fn apply(&self, _: Vec<Event>) -> Result<()> {
        self.0.identities.forget();
        Ok(())
    }

    fn disconnected(&self) {
        self.0.identities.forget();
    }
}
