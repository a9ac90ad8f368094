//! Body of a webhook request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

/// Body of a webhook request: `type`, `timestamp` and `data`, as in the Standard Webhooks specification,
/// section "Payload structure".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Payload)]
pub struct WebhookPayload {
    /// Type of the event.
    #[serde(rename = "type")]
    pub event: EventType,
    /// Time of the event.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Data of the event: the tool, the job, and the run or the due times.
    pub data: serde_json::Value,
}
