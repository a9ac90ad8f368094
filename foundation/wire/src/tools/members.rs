//! Who belongs to a tool.

use hearth_base::{ToolRole, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user with a role on a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::Member)]
pub struct Member {
    /// Who.
    #[schema(value_type = String)]
    pub user: UserName,
    /// As what.
    #[schema(value_type = String)]
    pub role: ToolRole,
    /// Since when in this role.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// Giving somebody a role, or another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::MemberPut)]
pub struct MemberPut {
    /// `viewer`, `maintainer` or `owner`.
    #[schema(value_type = String)]
    pub role: ToolRole,
}
