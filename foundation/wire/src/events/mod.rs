//! Events: what happened in a service, in a fixed order, for other services and for people.
//!
//! Each service has one stream of events. A topic is the part of a stream that one kind of reader may see; its event
//! types are declared once, with [`topic!`](crate::topic), beside the data that they carry. [`crate::topics`]
//! lists them all.

mod notice;
mod topic;

use std::time::Duration;

use hearth_base::{Error, EventId, Result, Role, ToolId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use notice::{Notice, NoticeFact};
pub use topic::{EventData, EventTypeInfo, NamedSchemas, Topic, TopicInfo, schema_of};

/// One event of a stream. Consumers skip types that they do not know, and may see an event twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = events::Event)]
pub struct Event {
    /// The place in the service's stream: greater than that of every earlier event.
    pub position: i64,
    /// The event's own id, by which a consumer recognises a repetition.
    #[schema(value_type = String)]
    pub id: EventId,
    /// The service whose stream it is.
    #[schema(value_type = String)]
    pub service: Role,
    /// The event type, such as `job.run.failed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The tool that the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tool: Option<ToolId>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// The data of the event; its form depends on the type.
    pub data: serde_json::Value,
    /// The text for a mail: a [`Notice`]. Absent: nobody gets mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Notice>)]
    pub notice: Option<serde_json::Value>,
}

impl Event {
    /// The event as a topic declares it; `None` for a type that the topic does not know.
    pub fn decode<T: Topic>(&self) -> Result<Option<T>> {
        T::decode(&self.event_type, &self.data)
    }

    /// The text for a mail about the event. A form that cannot be read (of a newer release) is an error of this event
    /// alone.
    pub fn read_notice(&self) -> Result<Option<Notice>> {
        self.notice.as_ref().map(Notice::deserialize).transpose().map_err(Error::internal)
    }
}

/// Which part of a topic is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct After {
    /// The position that was read last; absent: from the oldest kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// How long to wait when there is nothing yet, in seconds: at most 240.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 240)]
    pub wait: Option<u64>,
}

impl After {
    /// The longest wait, in seconds.
    pub const MAX_WAIT_SECONDS: u64 = 240;

    /// Events after a position (`None`: from the oldest kept), waited for so long.
    pub fn position(position: Option<i64>, wait: Duration) -> Self {
        Self { after: position, wait: Some(wait.as_secs()) }
    }

    /// No events, only the end of the stream.
    pub fn head() -> Self {
        Self { after: Some(i64::MAX), wait: None }
    }

    /// How long an answer may wait.
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
    /// The position to go on from: no event of this topic up to it is missing here.
    pub next: i64,
}
