//! Deploy tokens.

use hearth_base::{Secret, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::serialize_optional_secret;

/// Name of the query parameter that may contain the deploy token.
pub const DEPLOY_TOKEN_PARAMETER: &str = "token";

/// Deploy token of a tool: who has it may create deployments of the tool, and nothing else.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeployToken)]
pub struct DeployToken {
    /// The token; absent when the key that encrypted it is lost.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub token: Option<Secret>,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub creation_date: Timestamp,
    /// Maintainer whose right the token depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserName>,
    /// True when the owner, or another person who has seen the token, has lost the right: the token is refused until a
    /// maintainer replaces it.
    #[serde(default)]
    pub suspended: bool,
}
