//! Credentials of a tool for private repositories: `/builds/v1/tool/{tool}/source-credentials`.

use hearth_base::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::source_credential_id::SourceCredentialId;

/// Credential of a tool for private repositories. Its secret is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceCredential)]
pub struct SourceCredential {
    /// Id of the credential.
    #[schema(value_type = String)]
    pub id: SourceCredentialId,
    /// Address of a repository, or of all repositories below it.
    pub address: String,
    /// User name that is sent with the secret.
    pub username: String,
    /// Time when the credential was set or replaced.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time when a server last accepted it for the start of a build; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used: Option<Timestamp>,
    /// The refusal of a server, if the last start of a build was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<SourceCredentialRefusal>,
}

/// Refusal of a credential by a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceCredentialRefusal)]
pub struct SourceCredentialRefusal {
    /// Time of the refusal.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// HTTP status of the response.
    pub status: u16,
}

/// New credential, or replacement of the one with the same address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceCredentialPut)]
pub struct SourceCredentialPut {
    /// Address of a repository, as `https://git.example/team/project`, or of all repositories below it, as
    /// `https://git.example/team`. `.git` at its end is ignored.
    #[schema(max_length = 255)]
    pub address: String,
    /// User name that is sent with the secret; default: one that the server accepts with a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub username: Option<String>,
    /// Token or password that may read the repositories.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
}

/// One source credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceCredentialOne)]
pub struct SourceCredentialOne {
    /// The credential.
    pub source_credential: SourceCredential,
}

/// The source credentials of a tool, by address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::SourceCredentialList)]
pub struct SourceCredentialList {
    /// The credentials.
    pub source_credentials: Vec<SourceCredential>,
}
