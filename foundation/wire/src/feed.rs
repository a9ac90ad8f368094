//! Feeds between services: ordered events, read by position, kept for thirty days.

use std::time::Duration;

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
    /// How long to wait when there is nothing yet, in seconds: at most 240.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 240)]
    pub wait: Option<u64>,
}

impl After {
    /// The longest wait, in seconds.
    pub const LONGEST: u64 = 240;
    /// How long a reader waits who has to notice soon that nobody tells anything any more, in seconds.
    pub const WATCHFUL: u64 = 25;

    /// What comes after the last event seen, waited for as long as may be: a reader who waits does nothing.
    pub fn news(position: i64) -> Self {
        Self { after: Some(position), wait: Some(Self::LONGEST) }
    }

    /// The same for a reader who has to notice soon that the feed is away.
    pub fn watched(position: i64) -> Self {
        Self { after: Some(position), wait: Some(Self::WATCHFUL) }
    }

    /// Nothing, and where the feed is.
    pub fn head() -> Self {
        Self { after: Some(i64::MAX), wait: None }
    }

    /// For how long an answer may wait.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or(0).min(Self::LONGEST))
    }
}

/// A part of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The feed's newest position, to begin at when only what is new matters.
    pub head: i64,
}
