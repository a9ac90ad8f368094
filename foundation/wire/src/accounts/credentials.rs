//! Sessions and tokens.

use hearth_base::{Scopes, Secret, SessionId, TokenId, UserName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::User;

/// The name of the cookie that holds a browser's session.
pub const SESSION_COOKIE: &str = "hearth_session";

/// Signing in with a password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::SessionCreate)]
pub struct SessionCreate {
    /// The user's name.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Their password.
    #[schema(value_type = String, format = Password)]
    #[serde(serialize_with = "Secret::expose")]
    pub password: Secret,
}

/// A new session. Browsers are given it as a cookie too.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::SessionCreated)]
pub struct SessionCreated {
    /// Its id.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// What to show from now on, as a bearer token or the cookie.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub secret: Secret,
    /// Who has signed in.
    pub user: User,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// A token, without the secret that was shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Token)]
pub struct Token {
    /// Its id, by which it is revoked.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// What it is for, in its maker's words.
    pub label: String,
    /// What it may be used for.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When it was last used, to the hour.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used: Option<Timestamp>,
    /// When it ends; absent: when it is revoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
}

/// Making a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::TokenCreate)]
pub struct TokenCreate {
    /// What it is for, in your own words: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// What it may be used for: `SERVICE:read|write|own`, `*:…`, `operator`. Absent: all that you may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub scopes: Option<Scopes>,
    /// When it ends. Absent: when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
}

/// A new token with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::TokenCreated)]
pub struct TokenCreated {
    /// What to show from now on.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub secret: Secret,
    /// What was made.
    pub token: Token,
}
