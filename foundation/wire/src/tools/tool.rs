//! Tools.

use hearth_base::{PageCursor, PageLimit, ToolId, ToolName, ToolRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::Tool)]
pub struct Tool {
    /// Permanent id of the tool.
    #[schema(value_type = String)]
    pub id: ToolId,
    /// Current name of the tool.
    #[schema(value_type = String)]
    pub name: ToolName,
    /// Description of the tool, written by its maintainers.
    pub description: String,
    /// State of the tool.
    pub state: ToolState,
    /// Role of the caller; absent for an operator who is not a member.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub role: Option<ToolRole>,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Services that have not yet acknowledged the deletion.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waits_for: Vec<String>,
}

/// State of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::ToolState)]
#[serde(rename_all = "lowercase")]
pub enum ToolState {
    /// The tool exists.
    Active,
    /// The tool is being deleted; its name becomes free when every service has acknowledged.
    Deleting,
}

/// New tool to create; the caller becomes its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::ToolCreate)]
pub struct ToolCreate {
    /// Name: 2 to 32 lower-case letters, digits and hyphens; no two hyphens in a row.
    #[schema(value_type = String, min_length = 2, max_length = 32)]
    pub name: ToolName,
    /// Description: at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub description: String,
}

/// Filter for tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ToolQuery {
    /// True: all tools of this Hearth, for operators; default: the caller's own.
    #[serde(deserialize_with = "crate::query_flag::deserialize_flag")]
    pub all: bool,
    /// Maximum number of items: 1 to 1000; default 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: PageLimit,
    /// Cursor to continue from: the `next` value of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<PageCursor>,
}
