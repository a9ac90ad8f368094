//! Webhooks, as in the Standard Webhooks specification (<https://www.standardwebhooks.com>).

use hearth_base::{Secret, WebhookId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

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
