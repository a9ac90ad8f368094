//! Audit log.

use hearth_base::{EventId, PageCursor, PageLimit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One audited change, or a refused attempt, and its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::AuditEntry)]
pub struct AuditEntry {
    /// Id of the entry; entries are ordered by id.
    #[schema(value_type = String)]
    pub id: EventId,
    /// Time of the change.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Author: `user NAME`, `tool NAME`, `service NAME`, or `hearth` for automatic changes.
    pub who: String,
    /// Action: `tool.create`, `member.set`, …
    pub action: String,
    /// Name of the affected tool at that time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tool: Option<String>,
    /// Object of the action: a user's name, a token's label.
    pub subject: String,
    /// Id of the request that made the change.
    pub request_id: String,
    /// Error code, when the change was refused: a failed sign-in, or a change without the right.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<String>,
    /// Address of the client.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<String>,
}

/// Filter for audit entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AuditQuery {
    /// Only entries with this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// True: only refused changes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Maximum number of items: 1 to 1000; default 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
    /// Cursor to continue from: the `next` value of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}
