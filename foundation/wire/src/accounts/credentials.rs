//! Sessions and tokens.

use hearth_base::{Scopes, Secret, SessionId, TokenId, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{User, serialize_optional_secret};

/// Name of the cookie that holds a browser's session.
pub const SESSION_COOKIE: &str = "hearth_session";

/// Sign-in with a password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::SessionCreate)]
pub struct SessionCreate {
    /// Name of the user.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Password of the user.
    #[schema(value_type = String, format = Password)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub password: Secret,
    /// Secret of this device, from an earlier sign-in of the same user: failed sign-ins of others do not lock
    /// the device.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>)]
    pub device: Option<Secret>,
}

/// New session. Browsers get the session as a cookie too.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::SessionCreated)]
pub struct SessionCreated {
    /// Id of the session.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// Secret of the session, for later requests: a bearer token or the cookie's value.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
    /// The user who signed in.
    pub user: User,
    /// Secret of this device for the next sign-in; absent when the request had a valid one.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>)]
    pub device: Option<Secret>,
    /// End of the session.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// Token without its secret, which is shown only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Token)]
pub struct Token {
    /// Id of the token; revocation uses it.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// Purpose of the token, as its creator described it.
    pub label: String,
    /// Scopes of the token.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Time of creation.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time of the last use, rounded to the hour.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used: Option<Timestamp>,
    /// Expiry; absent when the token stays valid until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// Maintainer whose right the token depends on; absent for a personal token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserName>,
    /// True when the owner has lost the right: the token is refused until another maintainer takes it over.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub suspended: bool,
}

/// New token to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::TokenCreate)]
pub struct TokenCreate {
    /// Purpose of the token: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// Scopes: `SERVICE:read|write|own`, `*:…`, `operator`. Default: everything that the caller may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub scopes: Option<Scopes>,
    /// Expiry. Default: the token stays valid until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
}

/// New token with its secret, which is shown only this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::TokenCreated)]
pub struct TokenCreated {
    /// Secret of the token, for later requests.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
    /// The new token.
    pub token: Token,
}
