//! Long polling of workload changes.

use std::time::Duration;

use crate::{Cursor, Observation, engine::Engine};

impl Engine {
    /// See [`crate::Runtime::observe_workloads`].
    pub async fn observe_workloads(&self, after: Option<Cursor>, wait: Duration) -> Observation {
        let mut changed = self.changed.subscribe();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Marked before the ledger is read: a change in between wakes the wait below instead of being
            // missed.
            changed.mark_unchanged();
            let observation = self.lock_ledger().list_changes(after);
            let has_changes =
                observation.complete || !observation.workloads.is_empty() || !observation.removed.is_empty();
            if has_changes {
                return observation;
            }
            let change = tokio::time::timeout_at(deadline, changed.changed()).await;
            if !matches!(change, Ok(Ok(()))) {
                return observation;
            }
        }
    }
}
