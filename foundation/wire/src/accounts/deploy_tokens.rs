//! Deploy tokens, between services: `components` serves their endpoints, `accounts` stores and checks them.

use std::net::IpAddr;

use hearth_base::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Prefix that the gateway puts before a credential from a query parameter, where only deploy tokens are accepted.
pub const QUERY_CREDENTIAL_PREFIX: &str = "query:";

/// Request of `components`: shows or changes the deploy token of the tool in the path of the present request, for its
/// caller.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::DeployTokenCall)]
pub struct DeployTokenCall {
    /// Signed identity from the request.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub identity: Secret,
    /// The operation.
    pub operation: DeployTokenOperation,
    /// Address of the client, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client: Option<IpAddr>,
}

/// Operation on the deploy token of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::DeployTokenOperation)]
#[serde(rename_all = "lowercase")]
pub enum DeployTokenOperation {
    /// Show it.
    Show,
    /// Create it. An existing one is a conflict, unless it is suspended.
    Create,
    /// Create another one in its place, of which the caller is the owner.
    Replace,
    /// Delete it.
    Delete,
}
