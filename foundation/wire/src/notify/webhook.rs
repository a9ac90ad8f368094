//! Webhooks, as in the Standard Webhooks specification (<https://www.standardwebhooks.com>).

use hearth_base::{Secret, WebhookId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a webhook is told of: the `type` of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::EventType)]
pub enum EventType {
    /// A run's process began.
    #[serde(rename = "job.run.started")]
    RunStarted,
    /// A run did what it was to do.
    #[serde(rename = "job.run.succeeded")]
    RunSucceeded,
    /// A run failed.
    #[serde(rename = "job.run.failed")]
    RunFailed,
    /// Somebody stopped a run, or a newer one took its place.
    #[serde(rename = "job.run.stopped")]
    RunStopped,
    /// A due time of a schedule brought no run.
    #[serde(rename = "job.due.missed")]
    DueMissed,
    /// Somebody asked for a test. Every webhook is told of that.
    #[serde(rename = "webhook.test")]
    Test,
}

impl EventType {
    /// All that a webhook can be told of.
    pub const ALL: [Self; 6] = [
        Self::RunStarted,
        Self::RunSucceeded,
        Self::RunFailed,
        Self::RunStopped,
        Self::DueMissed,
        Self::Test,
    ];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::RunStarted => "job.run.started",
            Self::RunSucceeded => "job.run.succeeded",
            Self::RunFailed => "job.run.failed",
            Self::RunStopped => "job.run.stopped",
            Self::DueMissed => "job.due.missed",
            Self::Test => "webhook.test",
        }
    }
}

impl std::str::FromStr for EventType {
    type Err = hearth_base::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.word() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::word).join(", ");
            let shown = hearth_base::one_line(text, 60);
            hearth_base::Error::invalid(
                "event-type",
                format!("{shown:?} is nothing that a webhook is told of"),
            )
            .help(format!("it is told of {known}"))
        })
    }
}

/// An address that is told of a tool's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Webhook)]
pub struct Webhook {
    /// Its id.
    #[schema(value_type = String)]
    pub id: WebhookId,
    /// Where payloads are sent, by POST.
    pub url: String,
    /// What it is told of; empty: everything.
    pub events: Vec<EventType>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why nothing is sent, when it was not a maintainer who wanted that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// Making a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::WebhookCreate)]
pub struct WebhookCreate {
    /// Where payloads are sent: `https://…` or `http://…`, at a public address.
    pub url: String,
    /// What it is told of; empty: everything.
    #[serde(default)]
    pub events: Vec<EventType>,
}

/// Changing a webhook. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::WebhookPatch)]
#[serde(default)]
pub struct WebhookPatch {
    /// Where payloads are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it is told of; empty: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventType>>,
    /// Whether anything is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A webhook with the secret that its payloads are signed with, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::WebhookSecret)]
pub struct WebhookSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// `whsec_` and the key in base64, as in the Standard Webhooks specification.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub secret: Secret,
}
