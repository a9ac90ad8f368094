//! The queues of services, as operators see them: `/SERVICE/v1/queue`.

use hearth_base::{Cursor, Limit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The state of a queued item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = queue::QueueEntryState)]
#[serde(rename_all = "kebab-case")]
pub enum QueueEntryState {
    /// It is due.
    Waiting,
    /// It is due later.
    Scheduled,
    /// A worker leases it.
    Running,
    /// It failed for good, or cannot be read: a dead letter.
    Dead,
}

/// A queued item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = queue::QueueEntry)]
pub struct QueueEntry {
    /// The task that performs it.
    pub task: String,
    /// Which item of that task.
    pub key: String,
    /// Its state.
    pub state: QueueEntryState,
    /// The payload, in the service's own form.
    pub payload: serde_json::Value,
    /// When it was enqueued last.
    #[schema(value_type = String, format = DateTime)]
    pub enqueued_at: Timestamp,
    /// When it may be performed; absent for a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Until when a worker leases it; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub leased_until: Option<Timestamp>,
    /// Failed attempts since it was enqueued last.
    pub failures: u32,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it became a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub died_at: Option<Timestamp>,
}

/// Which items of a queue are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct QueueQuery {
    /// Only those of this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Only those in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<QueueEntryState>,
    /// How many items at most: 1 to 1000, 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Limit,
    /// The `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}
