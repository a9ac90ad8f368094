//! Events of services, in a fixed order, for other services and for users.
//!
//! Each service has one event stream. A topic is the part of a stream that one kind of consumer may read. Its
//! event types are declared once, with [`topic!`](crate::topic), next to their data. [`crate::topics`] lists
//! all topics.

mod notice;
mod topic;

use std::time::Duration;

use hearth_base::{Error, EventId, Result, Role, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use notice::{Notice, NoticeFact};
pub use topic::{EventData, EventTypeInfo, MailPolicy, NamedSchemas, Topic, TopicInfo, schema_of};

/// Event of a stream. Consumers skip unknown types and must accept duplicates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::Event)]
pub struct Event {
    /// Position in the service's stream; it grows with every event.
    pub position: i64,
    /// Id of the event; consumers recognise duplicates by it.
    #[schema(value_type = String)]
    pub id: EventId,
    /// Service that owns the stream.
    #[schema(value_type = String)]
    pub service: Role,
    /// The event type, such as `job.run.failed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The tool that the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tool: Option<ToolId>,
    /// Time of the event.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// The data of the event; its form depends on the type.
    pub data: serde_json::Value,
    /// Text for a mail: a [`Notice`]. Absent when no mail is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Notice>)]
    pub notice: Option<serde_json::Value>,
}

impl Event {
    /// Decodes the event into the type of a topic; `None` for an event type that the topic does not declare.
    pub fn decode<T: Topic>(&self) -> Result<Option<T>> {
        T::decode(&self.event_type, &self.data)
    }

    /// Decodes the text for a mail about the event. A notice of a newer release that cannot be decoded is an
    /// error of this event only.
    pub fn read_notice(&self) -> Result<Option<Notice>> {
        self.notice.as_ref().map(Notice::deserialize).transpose().map_err(Error::internal)
    }
}

/// Part of a topic to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct EventsQuery {
    /// Position of the last event that was read; absent: from the oldest retained event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Seconds to wait when no event is available: at most 240.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 240)]
    pub wait: Option<u64>,
}

impl EventsQuery {
    /// Maximum wait, in seconds.
    pub const MAX_WAIT_SECONDS: u64 = 240;

    /// Requests events after a position (`None`: from the oldest retained event), with a maximum wait.
    pub fn after_position(position: Option<i64>, wait: Duration) -> Self {
        Self { after: position, wait: Some(wait.as_secs()) }
    }

    /// Requests no events, only the position of the stream's end.
    pub fn from_head() -> Self {
        Self { after: Some(i64::MAX), wait: None }
    }

    /// Returns the maximum time that the response may wait.
    pub fn wait_time(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or(0).min(Self::MAX_WAIT_SECONDS))
    }
}

/// Events of one topic, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::EventBatch)]
pub struct EventBatch {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Position to continue from: every event of this topic up to it is in this batch.
    pub next: i64,
}
