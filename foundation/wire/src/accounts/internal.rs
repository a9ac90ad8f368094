//! What services say to `accounts`, and nobody else may.

use hearth_base::{
    Caller, Credential, EmailAddress, MandateId, Role, Scopes, Secret, TokenId, ToolId, ToolName, ToolRole,
    UserId, UserName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{events::EventData, tools::Quota};

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

/// A service keeps what the caller of its present request may do with a tool, for what it does after the answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateCreate)]
pub struct MandateCreate {
    /// The identity that the request showed.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub identity: Secret,
    /// The mandate beside it, when a service made the request for somebody.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "expose")]
    #[schema(value_type = Option<String>)]
    pub mandate: Option<Secret>,
    /// What it is needed for: `SERVICE:read` or `SERVICE:write`, no more than the caller may do.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Why, for the audit log.
    pub cause: String,
}

/// A mandate that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateCreated)]
pub struct MandateCreated {
    /// Its id, for the service that holds it.
    #[schema(value_type = String)]
    pub id: MandateId,
}

/// Which service a mandate is to be shown to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateUse)]
pub struct MandateUse {
    /// The service.
    #[schema(value_type = String)]
    pub audience: Role,
}

/// A mandate, signed for one use.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateUsed)]
pub struct MandateUsed {
    /// What to show beside the service's own identity.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub mandate: Secret,
    /// The tool's name now.
    #[schema(value_type = String)]
    pub tool: ToolName,
}

/// A service needs a token that speaks for a tool for a while: a build pushes its image with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolTokenCreate)]
pub struct ToolTokenCreate {
    /// The tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// What it may be used for: `SERVICE:read` or `SERVICE:write`.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// How long it is good for, in seconds: at most a day.
    #[schema(minimum = 1, maximum = 86400)]
    pub life_seconds: u32,
    /// Why, for the audit log.
    pub cause: String,
}

/// A token that speaks for a tool for a while.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolTokenCreated)]
pub struct ToolTokenCreated {
    /// Its id, by which it is revoked.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// What to show: as a bearer token, or as the password.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::expose")]
    pub secret: Secret,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// What services need to know of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolFacts)]
pub struct ToolFacts {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ToolId,
    /// Its name now.
    #[schema(value_type = String)]
    pub name: ToolName,
    /// Whether it is on its way out: nothing of it may be started any more.
    pub deleting: bool,
    /// How much it may use.
    pub quota: Quota,
}

/// A maintainer of a tool who has an address for mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Recipient)]
pub struct Recipient {
    /// Their id.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Their name.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Where mail to them goes.
    #[schema(value_type = String, format = Email)]
    pub address: EmailAddress,
}

crate::topic! {
    /// Changes of who may do what, for those who remember callers.
    pub enum AccessEvent in Accounts / "access", for_webhooks: false {
        /// Everything that was found out about callers may be wrong now for this user, token, session or tool.
        Changed(AccessChanged) = "access.changed",
    }
}

crate::topic! {
    /// The life of tools, for the services that keep something of them.
    pub enum ToolEvent in Accounts / "tools", for_webhooks: false {
        /// A tool was created.
        Created(ToolOnly) = "tool.created",
        /// A tool is being deleted: stop what it runs, erase what it has, then acknowledge.
        Erased(ToolOnly) = "tool.erased",
    }
}

/// The user, credential or tool whose access has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::AccessChanged)]
pub struct AccessChanged {
    /// The id of what changed: a user's, token's, session's or tool's.
    pub about: String,
}

/// A tool and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolOnly)]
pub struct ToolOnly {
    /// Its id.
    #[schema(value_type = String)]
    pub tool: ToolId,
}

impl EventData for AccessChanged {
    fn tool(&self) -> Option<ToolId> {
        self.about.parse().ok()
    }
}

impl EventData for ToolOnly {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool)
    }
}
