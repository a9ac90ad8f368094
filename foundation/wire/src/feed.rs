//! Feeds between services: ordered events, read by position, kept for thirty days.

use hearth_base::EventId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One event of a feed. Readers skip kinds that they do not know, and may see an event twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its place in the feed: greater than that of every event before it.
    pub position: i64,
    /// Its own id, by which a reader knows it again.
    #[schema(value_type = String)]
    pub id: EventId,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What sort of event it is.
    pub kind: String,
    /// What it says.
    pub data: serde_json::Value,
}

/// Which part of a feed is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct After {
    /// The position of the last event seen; absent: from the oldest kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// How long to wait when there is nothing yet, in seconds: at most 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
}

/// A part of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The feed's newest position, to begin at when only what is new matters.
    pub head: i64,
}
