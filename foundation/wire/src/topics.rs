//! The topics of all services.

use crate::{
    accounts::internal::{AccessEvent, ToolEvent},
    events::{EventTypeInfo, Topic, TopicInfo},
    images::internal::TagEvent,
    jobs::{events::RunEvent, internal::RouteEvent},
};

/// All topics of all services. A topic that is missing here reaches no webhook.
pub static TOPICS: &[&TopicInfo] = &[
    AccessEvent::TOPIC_INFO,
    ToolEvent::TOPIC_INFO,
    TagEvent::TOPIC_INFO,
    RouteEvent::TOPIC_INFO,
    RunEvent::TOPIC_INFO,
];

/// The topics whose events webhooks are sent, in the order of [`TOPICS`].
pub fn webhook_topics() -> impl Iterator<Item = &'static TopicInfo> {
    TOPICS.iter().copied().filter(|topic| topic.for_webhooks)
}

/// The event types that webhooks are sent, in the order of their declaration.
pub fn webhook_types() -> impl Iterator<Item = &'static EventTypeInfo> {
    webhook_topics().flat_map(|topic| topic.types)
}
