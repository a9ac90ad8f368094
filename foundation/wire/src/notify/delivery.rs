//! What became of what a webhook was to be told.

use hearth_base::DeliveryId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EventType;

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::Delivery)]
pub struct Delivery {
    /// Its id.
    #[schema(value_type = String)]
    pub id: DeliveryId,
    /// What it tells of.
    pub event: EventType,
    /// What the receiver sees as `webhook-id`: the same at each try, so that doubles can be dropped.
    pub message: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
    /// The status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The beginning of the last answer, or why there was none, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = notify::DeliveryState)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is tried soon, or again later.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It is not tried any more.
    Failed,
}

impl DeliveryState {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}
