//! Event types for webhooks: those that services declare, and a test.

use std::{cmp::Ordering, fmt, str::FromStr};

use hearth_base::{Error, Result, to_single_line};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    events::MailPolicy,
    topics::{mail_types, webhook_types},
};

/// Event type of a webhook's payload. Names of another release are decoded and preserved; parsing accepts
/// only names of this release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventType(String);

impl EventType {
    /// Name of the test event, which every webhook receives.
    const TEST_EVENT_TYPE: &str = "webhook.test";

    /// Returns the type of the test event, which every webhook receives.
    pub fn webhook_test() -> Self {
        Self(Self::TEST_EVENT_TYPE.to_owned())
    }

    /// Creates the type of an event that a service declares for webhooks.
    pub fn from_event(event_type: &str) -> Self {
        Self(event_type.to_owned())
    }

    /// Iterates over the names of this release, in the order of their declaration.
    pub fn known_names() -> impl Iterator<Item = &'static str> {
        webhook_types().map(|declared| declared.name).chain([Self::TEST_EVENT_TYPE])
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Rejects a name that this release does not declare.
    pub fn check_event_type(&self) -> Result<()> {
        if Self::known_names().any(|known| known == self.0) {
            return Ok(());
        }
        let known: Vec<&str> = Self::known_names().collect();
        let name = to_single_line(&self.0, 60);
        Err(Error::invalid("event-type", format!("unknown event type {name:?}"))
            .help(format!("the event types are {}", known.join(", "))))
    }

    /// Lists the types about which members get mail, or may choose to get it.
    pub fn list_mail_types() -> Vec<Self> {
        mail_types().map(|declared| Self::from_event(declared.name)).collect()
    }

    /// Returns whether members who have chosen nothing get mail about these events. True for types of another release:
    /// their notices say that mail is meant to be sent.
    pub fn is_mailed_by_default(&self) -> bool {
        let declared = mail_types().find(|declared| declared.name == self.0);
        declared.is_none_or(|declared| declared.mail == MailPolicy::OptOut)
    }

    /// Rejects a name about which no mail can be chosen.
    pub fn check_mail_type(&self) -> Result<()> {
        if mail_types().any(|declared| declared.name == self.0) {
            return Ok(());
        }
        let known: Vec<&str> = mail_types().map(|declared| declared.name).collect();
        let name = to_single_line(&self.0, 60);
        Err(Error::invalid("event-type", format!("there is no mail about the event type {name:?}"))
            .help(format!("the event types with mail are {}", known.join(", "))))
    }

    /// Returns the position in the order of declaration; unknown names come last.
    fn declaration_rank(&self) -> usize {
        Self::known_names().position(|known| known == self.0).unwrap_or(usize::MAX)
    }
}

impl Ord for EventType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.declaration_rank().cmp(&other.declaration_rank()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for EventType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EventType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = Self(text.to_owned());
        parsed.check_event_type().map(|()| parsed)
    }
}

impl ToSchema for EventType {
    fn name() -> std::borrow::Cow<'static, str> {
        "notify.EventType".into()
    }
}

impl PartialSchema for EventType {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Event type: the `type` field of a payload."))
            .enum_values(Some(Self::known_names()))
            .into()
    }
}
