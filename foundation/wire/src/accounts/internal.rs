//! What services say to `accounts`, and nobody else may.

use hearth_base::{Caller, Credential, Scopes, Secret, ToolId, ToolName, ToolRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The gateway asks who shows this credential, and what they are to the tool in the path.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Resolve)]
pub struct Resolve {
    /// What was shown, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "expose")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
    /// The name in the path, whatever it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

fn expose<S: serde::Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.reveal()),
        None => serializer.serialize_none(),
    }
}

/// Who shows the credential. A credential that is not good is an error, not nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Resolved)]
pub struct Resolved {
    /// Who it is.
    #[schema(value_type = Object)]
    pub caller: Caller,
    /// What they showed.
    #[schema(value_type = Object)]
    pub credential: Credential,
    /// What it may be used for.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// What they are to the tool that was asked about.
    pub tool: ResolvedTool,
    /// When the credential ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
}

/// What a caller is to a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ResolvedTool)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum ResolvedTool {
    /// No tool was asked about, or the caller is nothing to it, whether or not it exists.
    None,
    /// There is no such tool, and the caller may know.
    Missing,
    /// The caller has this role there.
    Role {
        /// The tool's id.
        #[schema(value_type = String)]
        id: ToolId,
        /// Its name now.
        #[schema(value_type = String)]
        name: ToolName,
        /// The caller's role.
        #[schema(value_type = String)]
        role: ToolRole,
    },
}

/// What happened that other services must know: the events of `accounts`' feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "data")]
pub enum AccountsEvent {
    /// Everything that was found out about callers may be wrong now for this user, token, session or tool.
    AccessChanged {
        /// The id of what changed: a user's, token's, session's or tool's.
        about: String,
    },
    /// A tool was made.
    ToolCreated {
        /// Its id.
        tool: ToolId,
    },
    /// A tool is being ended: stop what it runs, erase what it has, then acknowledge.
    ToolErased {
        /// Its id.
        tool: ToolId,
    },
}
