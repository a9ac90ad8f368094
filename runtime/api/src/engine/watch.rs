//! Observers: they are told what has changed since they last looked, as soon as it has.

use std::time::Duration;

use crate::{Cursor, Observation, engine::Engine};

impl Engine {
    /// See [`crate::Runtime::observe`].
    pub async fn observe(&self, after: Option<Cursor>, wait: Duration) -> Observation {
        let mut changed = self.changed.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            changed.mark_unchanged();
            let observation = self.ledger().observe(after);
            let news =
                observation.complete || !observation.workloads.is_empty() || !observation.gone.is_empty();
            if news {
                return observation;
            }
            let change = tokio::time::timeout_at(deadline, changed.changed()).await;
            if !matches!(change, Ok(Ok(()))) {
                return observation;
            }
        }
    }
}
