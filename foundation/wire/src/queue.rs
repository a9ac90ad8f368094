//! Queues of services, for operators: `/SERVICE/v1/queue`.

use hearth_base::{PageCursor, PageLimit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// State of a queued item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = queue::QueueEntryState)]
#[serde(rename_all = "kebab-case")]
pub enum QueueEntryState {
    /// The item is due.
    Waiting,
    /// The item is due later.
    Scheduled,
    /// A worker holds a lease on the item.
    Running,
    /// The item failed for good or cannot be decoded: a dead letter.
    Dead,
}

/// A queued item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = queue::QueueEntry)]
pub struct QueueEntry {
    /// Name of the task that processes the item.
    pub task: String,
    /// Key of the item within its task.
    pub key: String,
    /// State of the item.
    pub state: QueueEntryState,
    /// Payload, in a form defined by the service.
    pub payload: serde_json::Value,
    /// Time of the last enqueue.
    #[schema(value_type = String, format = DateTime)]
    pub enqueued_at: Timestamp,
    /// Earliest time of the next attempt; absent for a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// End of the current lease; absent without a lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub leased_until: Option<Timestamp>,
    /// Number of failed attempts since the last enqueue.
    pub failures: u32,
    /// Error of the last failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Time at which the item became a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub died_at: Option<Timestamp>,
}

/// Filter for queued items.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct QueueQuery {
    /// Only items of this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Only items in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<QueueEntryState>,
    /// Maximum number of items: 1 to 1000; default 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
    /// The `next` value of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}
