//! A tool as such.

use hearth_base::{Cursor, Limit, ToolId, ToolName, ToolRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::Tool)]
pub struct Tool {
    /// Its id, for ever.
    #[schema(value_type = String)]
    pub id: ToolId,
    /// Its name now.
    #[schema(value_type = String)]
    pub name: ToolName,
    /// What it is for, in its maintainers' words.
    pub description: String,
    /// Whether it is there or on its way out.
    pub state: ToolState,
    /// What the caller is to it; absent for an operator who is none of its members.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub role: Option<ToolRole>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// The services that have not yet acknowledged its end.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waits_for: Vec<String>,
}

/// Where a tool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::ToolState)]
#[serde(rename_all = "lowercase")]
pub enum ToolState {
    /// It is there.
    Active,
    /// It is being ended; its name is free again when every service has acknowledged.
    Deleting,
}

/// Making a tool; the caller becomes its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::ToolCreate)]
pub struct ToolCreate {
    /// Its name: 2 to 32 lower-case letters, digits and hyphens; no two hyphens in a row.
    #[schema(value_type = String, min_length = 2, max_length = 32)]
    pub name: ToolName,
    /// What it is for: at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub description: String,
}

/// Which tools are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ToolQuery {
    /// All tools of this Hearth instead of the caller's own: for operators.
    #[serde(deserialize_with = "crate::flag::one")]
    pub all: bool,
    /// How many items at most: 1 to 1000, 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Limit,
    /// Where to go on: the `next` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor>,
}
