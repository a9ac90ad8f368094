//! Webhooks, as in the Standard Webhooks specification (<https://www.standardwebhooks.com>).

use hearth_base::{Secret, WebhookId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

/// Webhook of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Webhook)]
pub struct Webhook {
    /// Id of the webhook.
    #[schema(value_type = String)]
    pub id: WebhookId,
    /// URL of the receiver; payloads are sent by POST.
    pub url: String,
    /// Event types to send; empty for all.
    pub events: Vec<EventType>,
    /// True when events are sent.
    pub enabled: bool,
    /// Reason why the webhook is disabled, unless a maintainer disabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Id of the user or tool token whose right the webhook depends on: who created it, switched it on or
    /// changed its address last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// New webhook to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::WebhookCreate)]
pub struct WebhookCreate {
    /// URL of the receiver: `https://…` or `http://…`, at a public address.
    pub url: String,
    /// Event types to send; empty for all.
    #[serde(default)]
    pub events: Vec<EventType>,
}

/// Changes of a webhook. Absent fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::WebhookPatch)]
#[serde(default)]
pub struct WebhookPatch {
    /// URL of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Event types to send; empty for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventType>>,
    /// True: send events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Webhook with the secret that signs its payloads; the secret is shown only this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::WebhookSecret)]
pub struct WebhookSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// `whsec_` and the key in base64, as in the Standard Webhooks specification.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
}
