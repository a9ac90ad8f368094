//! The event types that webhooks can be sent: those that services declare, and a test.

use std::{cmp::Ordering, fmt, str::FromStr};

use hearth_base::{Error, Result, one_line};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::topics::webhook_types;

/// The event type of a webhook's payload. Names of another release are read and kept; only names that this release
/// knows can be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventType(String);

impl EventType {
    /// The type of a test, which every webhook is sent.
    const TEST: &str = "webhook.test";

    /// The type of a test, which every webhook is sent.
    pub fn test() -> Self {
        Self(Self::TEST.to_owned())
    }

    /// The type of an event that a service declared for webhooks.
    pub fn of_event(event_type: &str) -> Self {
        Self(event_type.to_owned())
    }

    /// All names that this release knows, in the order of their declaration.
    pub fn known_names() -> impl Iterator<Item = &'static str> {
        webhook_types().map(|declared| declared.name).chain([Self::TEST])
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses a name that this release does not know.
    pub fn check(&self) -> Result<()> {
        if Self::known_names().any(|known| known == self.0) {
            return Ok(());
        }
        let known: Vec<&str> = Self::known_names().collect();
        let shown = one_line(&self.0, 60);
        Err(Error::invalid("event-type", format!("{shown:?} is nothing that a webhook is told of"))
            .help(format!("it is told of {}", known.join(", "))))
    }

    /// The place in the order of declaration; unknown names come last.
    fn rank(&self) -> usize {
        Self::known_names().position(|known| known == self.0).unwrap_or(usize::MAX)
    }
}

impl Ord for EventType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.0.cmp(&other.0))
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
        parsed.check().map(|()| parsed)
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
            .description(Some("What a webhook is told of: the `type` of a payload."))
            .enum_values(Some(Self::known_names()))
            .into()
    }
}
