//! A container's health, as its probes have shown it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A container's health, as far as it is known. It outlives the runtime's process: a container that was ready stays ready
/// until a probe fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Its start-up probe has passed, or it has none.
    #[serde(default)]
    pub started: bool,
    /// It serves: its readiness probe passes, or it has started and has none.
    #[serde(default)]
    pub ready: bool,
    /// When `ready` changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_changed_at: Option<Timestamp>,
    /// When it was ready for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ready_at: Option<Timestamp>,
    /// Why it is not ready, for people: the last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Why it is to be restarted, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_reason: Option<String>,
}

impl Health {
    /// Notes that it is ready from now on, or is not any more.
    pub(super) fn set_ready(&mut self, ready: bool, now: Timestamp) {
        if self.ready != ready {
            (self.ready, self.ready_changed_at) = (ready, Some(now));
        }
        if ready {
            self.failure = None;
            self.first_ready_at.get_or_insert(now);
        }
    }
}
