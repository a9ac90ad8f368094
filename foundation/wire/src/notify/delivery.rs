//! Webhook deliveries and their outcomes.

use hearth_base::DeliveryId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

/// Delivery of one event to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Delivery)]
pub struct Delivery {
    /// Id of the delivery.
    #[schema(value_type = String)]
    pub id: DeliveryId,
    /// Type of the event.
    pub event: EventType,
    /// Value of the `webhook-id` header; the same in each attempt, so that receivers can drop duplicates.
    pub message: String,
    /// State of the delivery.
    pub state: DeliveryState,
    /// Number of attempts.
    pub tries: u32,
    /// Time of the event.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time of the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// HTTP status of the last response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Time of the last response, or of the failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered: Option<Timestamp>,
    /// The reason of a missing response; for owners of the tool also the start of a response that came from a
    /// public address. One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
}

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::DeliveryState)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// An attempt is pending.
    Waiting,
    /// The receiver accepted the event.
    Delivered,
    /// All attempts failed.
    Failed,
}

impl DeliveryState {
    /// Returns the value's form on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}
