//! The health of a container, derived from its probes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::FailureCode;

/// The health of a container. It is stored across restarts of the runtime: a ready container stays ready
/// until a probe fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The startup probe has passed, or there is none.
    #[serde(default)]
    pub started: bool,
    /// The readiness probe passes, or the container has started and has no readiness probe.
    #[serde(default)]
    pub ready: bool,
    /// Time of the last change of `ready`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_changed_at: Option<Timestamp>,
    /// Time at which the container first became ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ready_at: Option<Timestamp>,
    /// The last probe failure, as a sentence for users, while the container is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The kind of `failure`; absent if an earlier runtime stored it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<FailureCode>,
    /// The failure for which the container is restarted, as a sentence for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_reason: Option<String>,
}

impl Health {
    /// Sets readiness, and the times that depend on it.
    pub(super) fn set_ready(&mut self, ready: bool, now: Timestamp) {
        if self.ready != ready {
            (self.ready, self.ready_changed_at) = (ready, Some(now));
        }
        if ready {
            self.clear_failure();
            self.first_ready_at.get_or_insert(now);
        }
    }

    /// Sets the last probe failure.
    pub(super) fn set_failure(&mut self, sentence: String, code: FailureCode) {
        (self.failure, self.failure_code) = (Some(sentence), Some(code));
    }

    /// Removes the last probe failure.
    pub fn clear_failure(&mut self) {
        (self.failure, self.failure_code) = (None, None);
    }
}
