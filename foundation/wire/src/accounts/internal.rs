//! Calls of other services to `accounts`; no other caller is allowed.

use std::net::IpAddr;

use hearth_base::{
    BuildId, Caller, Credential, EmailAddress, EventId, ImageName, MandateId, RequestId, Role, Scopes,
    Secret, TokenId, ToolId, ToolName, ToolRole, UserId, UserName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::serialize_optional_secret;
use crate::{events::EventData, tools::Quota};

/// Request of the gateway: resolves a credential to a caller and to the caller's role on the tool in the
/// path.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Resolve)]
pub struct ResolveCaller {
    /// Secret of the request; absent when the request has none.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Secret>,
    /// Name of the tool in the path; may be an invalid name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

/// Caller behind a credential. An invalid credential is an error, not an anonymous caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Resolved)]
pub struct ResolvedCaller {
    /// The caller.
    #[schema(value_type = Object)]
    pub caller: Caller,
    /// The credential of the request.
    #[schema(value_type = Object)]
    pub credential: Credential,
    /// Scopes of the credential.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Role of the caller on the tool in the path.
    pub tool: ResolvedTool,
    /// Expiry of the credential, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
}

/// Role of a caller on a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ResolvedTool)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum ResolvedTool {
    /// The request names no tool, or the caller has no role on it; the existence of the tool stays hidden.
    None,
    /// The tool does not exist, and the caller may know that.
    Missing,
    /// The caller has this role on the tool.
    Role {
        /// Id of the tool.
        #[schema(value_type = String)]
        id: ToolId,
        /// Current name of the tool.
        #[schema(value_type = String)]
        name: ToolName,
        /// Role of the caller.
        #[schema(value_type = String)]
        role: ToolRole,
    },
}

/// Request of a service: records a grant of the current caller on a tool, for work after the response.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateCreate)]
pub struct MandateCreate {
    /// Signed identity from the request.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub identity: Secret,
    /// Mandate from the request, when a service made the request on behalf of a caller.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "serialize_optional_secret")]
    #[schema(value_type = Option<String>)]
    pub mandate: Option<Secret>,
    /// Scopes of the mandate: `SERVICE:read` or `SERVICE:write`, within the rights of the caller.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Reason, for the audit log.
    pub cause: String,
}

/// New mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateCreated)]
pub struct MandateCreated {
    /// Id of the mandate, for the service that holds it.
    #[schema(value_type = String)]
    pub id: MandateId,
}

/// Use of a mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateUse)]
pub struct MandateUse {
    /// Service that the mandate is presented to.
    #[schema(value_type = String)]
    pub audience: Role,
}

/// Mandate, signed for one use.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateUsed)]
pub struct MandateUsed {
    /// Signed mandate, to be sent beside the identity of the service.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub mandate: Secret,
    /// Current name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
}

/// Request of a service: records a grant of the current caller on a tool for something that acts without a request, such
/// as pushes to a repository. Unlike a mandate it does not expire, and only mandates for single works are made from it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::StandingMandateCreate)]
pub struct StandingMandateCreate {
    /// Signed identity from the request.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub identity: Secret,
    /// Scopes: `SERVICE:read` or `SERVICE:write`, within the rights of the caller.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Reason, for the audit log.
    pub cause: String,
}

/// Standing mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::StandingMandate)]
pub struct StandingMandate {
    /// Id of the mandate, for the service that holds it.
    #[schema(value_type = String)]
    pub id: MandateId,
    /// Maintainer whose right it depends on; absent when that person no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserName>,
    /// True while the owner has the right. A mandate that has ended stays ended.
    pub active: bool,
}

/// Request of a service: makes a mandate for one work from a standing mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::MandateDerive)]
pub struct MandateDerive {
    /// Scopes, within those of the standing mandate.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Reason, for the audit log.
    pub cause: String,
}

/// Request of a service: creates a short-lived token of a tool. A build pushes its image with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolTokenCreate)]
pub struct ToolTokenCreate {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Scopes of the token: `SERVICE:read` or `SERVICE:write`.
    #[schema(value_type = Vec<String>)]
    pub scopes: Scopes,
    /// Lifetime in seconds: at most one day.
    #[schema(minimum = 1, maximum = 86400)]
    pub life_seconds: u32,
    /// Reason, for the audit log.
    pub cause: String,
    /// The only build that the token is for, instead of scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildGrant>,
}

/// Grant of the credential of one build: its reports, and pushes to one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::BuildGrant)]
pub struct BuildGrant {
    /// The build.
    #[schema(value_type = String)]
    pub build: BuildId,
    /// The image of the tool that it may push to; absent when it makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub image: Option<ImageName>,
}

/// Short-lived token of a tool.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolTokenCreated)]
pub struct ToolTokenCreated {
    /// Id of the token; revocation uses it.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// Secret of the token: a bearer token, or the password of Basic authentication.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
}

/// Facts about a tool for other services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolFacts)]
pub struct ToolFacts {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub id: ToolId,
    /// Current name of the tool.
    #[schema(value_type = String)]
    pub name: ToolName,
    /// True while the tool is being deleted: nothing of it may be started.
    pub deleting: bool,
    /// Quota of the tool.
    pub quota: Quota,
    /// Its first owner, to whom the use of shared pools by the tool's own tokens counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserId>,
}

/// Maintainer of a tool with a mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::Recipient)]
pub struct Recipient {
    /// Id of the user.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Name of the user.
    #[schema(value_type = String)]
    pub name: UserName,
    /// Mail address of the user.
    #[schema(value_type = String, format = Email)]
    pub address: EmailAddress,
}

/// Report of the gateway: a change that a service refused for lack of a right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::RefusedChange)]
pub struct RefusedChange {
    /// The caller: `user NAME` or `tool NAME`.
    pub who: String,
    /// Method of the request.
    pub method: String,
    /// Path of the request, without its query.
    pub path: String,
    /// Name of the tool in the path; may be an invalid name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Error code of the refusal.
    pub code: String,
    /// Address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client: Option<IpAddr>,
}

/// Report of a service: a change that it made for a caller. It has no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::AuditedChange)]
pub struct AuditedChange {
    /// Id of the audit entry: a repeated report has the same and is stored once.
    #[schema(value_type = String)]
    pub id: EventId,
    /// Time of the change.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Author: `user NAME`, `tool NAME`, or `service NAME`.
    pub who: String,
    /// Action: `OBJECT.VERB`, as in `package-source.grant`.
    pub action: String,
    /// The affected tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<AuditedTool>,
    /// Object of the action: a name or an id.
    pub subject: String,
    /// Id of the request that made the change.
    #[schema(value_type = String)]
    pub request_id: RequestId,
    /// Address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client: Option<IpAddr>,
}

/// Tool that a change affects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::AuditedTool)]
pub struct AuditedTool {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub id: ToolId,
    /// Name of the tool at the time of the change.
    #[schema(value_type = String)]
    pub name: ToolName,
}

/// Notice of a service to the operators; each one with a confirmed address gets a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::OperatorNotice)]
pub struct OperatorNotice {
    /// Key of the notice: a second one with the same key replaces the first, as long as that is not sent.
    pub key: String,
    /// Subject of the mail.
    pub subject: String,
    /// Text of the mail.
    pub body: String,
}

/// Question of a service: does the owner of something that acts without a request still have the right?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::StandingOwnerCheck)]
pub struct TriggerOwnerCheck {
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Id of the user or of the tool token that owns it.
    pub owner: String,
}

/// Answer about an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::StandingOwner)]
pub struct TriggerOwner {
    /// Name of the owner, or of the user who created the token; absent when it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<UserName>,
    /// True while the owner may change the tool.
    pub active: bool,
}

crate::topic! {
    /// Changes of access rights, for consumers that cache callers.
    pub enum AccessEvent in Accounts / "access", for_webhooks: false {
        /// The access of a user, token, session or tool changed; cached callers may be outdated.
        Changed(AccessChanged) = "access.changed",
    }
}

crate::topic! {
    /// Life cycle of tools, for services that store data of tools.
    pub enum ToolEvent in Accounts / "tools", for_webhooks: false {
        /// A tool was created.
        Created(ToolOnly) = "tool.created",
        /// A tool is being deleted. Consumers stop what it runs, erase its data, then acknowledge.
        Erased(ToolOnly) = "tool.erased",
    }
}

/// User, credential or tool whose access changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::AccessChanged)]
pub struct AccessChanged {
    /// Id of the user, token, session or tool.
    pub about: String,
}

/// Reference to a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = accounts::ToolOnly)]
pub struct ToolOnly {
    /// Id of the tool.
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
