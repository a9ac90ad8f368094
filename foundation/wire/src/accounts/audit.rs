//! Who did what, when.

use hearth_base::{Cursor, EventId, Limit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One change, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::AuditEntry)]
pub struct AuditEntry {
    /// Its id; entries are ordered by it.
    #[schema(value_type = String)]
    pub id: EventId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: `user NAME`, `tool NAME`, `service NAME`, or `hearth` for what happens by itself.
    pub who: String,
    /// What: `tool.create`, `member.set`, …
    pub action: String,
    /// The tool it is about, by its name at that time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tool: Option<String>,
    /// What it was done to: a user's name, a token's label.
    pub subject: String,
    /// The request it was part of.
    pub request_id: String,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AuditQuery {
    /// Only this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How many items at most: 1 to 1000, 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Limit,
    /// Where to go on: the `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}
