//! Members of a tool.

use hearth_base::{ToolRole, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user with a role on a tool, or with the offer of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::Member)]
pub struct Member {
    /// Name of the user.
    #[schema(value_type = String)]
    pub user: UserName,
    /// Role of the user.
    #[schema(value_type = String)]
    pub role: ToolRole,
    /// Time of the last change of the role, or of the offer.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// True while the user has not accepted: the role does not apply yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

/// Role to assign to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = tools::MemberPut)]
pub struct MemberPut {
    /// `viewer`, `maintainer` or `owner`.
    #[schema(value_type = String)]
    pub role: ToolRole,
}
