//! Registry of the topics of all services.

use crate::{
    accounts::{
        RequestEvent,
        internal::{AccessEvent, ToolEvent},
    },
    builds::events::BuildEvent,
    components::events::DeploymentEvent,
    events::{EventTypeInfo, MailPolicy, Topic, TopicInfo},
    images::internal::TagEvent,
    jobs::{events::RunEvent, internal::RouteEvent},
};

/// All topics of all services. Events of a topic that is missing here reach no webhook.
pub static ALL_TOPICS: &[&TopicInfo] = &[
    AccessEvent::TOPIC_INFO,
    ToolEvent::TOPIC_INFO,
    RequestEvent::TOPIC_INFO,
    TagEvent::TOPIC_INFO,
    RouteEvent::TOPIC_INFO,
    RunEvent::TOPIC_INFO,
    BuildEvent::TOPIC_INFO,
    DeploymentEvent::TOPIC_INFO,
];

/// Iterates over the topics whose events are sent to webhooks, in the order of [`ALL_TOPICS`].
pub fn webhook_topics() -> impl Iterator<Item = &'static TopicInfo> {
    ALL_TOPICS.iter().copied().filter(|topic| topic.for_webhooks)
}

/// Iterates over the event types that are sent to webhooks, in the order of their declaration.
pub fn webhook_types() -> impl Iterator<Item = &'static EventTypeInfo> {
    webhook_topics().flat_map(|topic| topic.types)
}

/// Iterates over the event types about which members get mail, or may choose to get it, in the order of their
/// declaration.
pub fn mail_types() -> impl Iterator<Item = &'static EventTypeInfo> {
    webhook_types().filter(|declared| declared.mail != MailPolicy::NoMail)
}
