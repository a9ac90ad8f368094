//! What a webhook is sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

/// The body of a webhook's request: `type`, `timestamp` and `data`, as in the Standard Webhooks specification,
/// section "Payload structure".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Payload)]
pub struct Payload {
    /// What it tells of.
    #[serde(rename = "type")]
    pub event: EventType,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The tool, the job, and the run or the due times.
    pub data: serde_json::Value,
}
