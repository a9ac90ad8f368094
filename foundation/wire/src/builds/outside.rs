//! Outside builders: systems that build images for tools, announced to them by signed webhooks.

use std::collections::BTreeMap;

use hearth_base::{BuildId, BuilderName, Secret, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RecipeChoice;

/// Name that means the builders of this Hearth, where an outside builder can be chosen.
pub const OWN_BUILDERS: &str = "hearth";
/// Type of the webhook that announces a build.
pub const BUILD_REQUESTED: &str = "build.requested";

/// Outside builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::OutsideBuilder)]
pub struct OutsideBuilder {
    /// Name, by which tools choose it.
    #[schema(value_type = String)]
    pub name: BuilderName,
    /// URL that gets the announcements. Callers who may not change it see only its host.
    pub url: String,
    /// True: of this Hearth, for every tool; false: of one tool.
    pub shared: bool,
    /// True: this Hearth's own builders build what it does not take.
    pub falls_back: bool,
    /// Time of the registration.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
}

/// New outside builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::OutsideBuilderCreate)]
pub struct OutsideBuilderCreate {
    /// Name: 1 to 40 lower-case letters, digits and hyphens.
    #[schema(value_type = String, max_length = 40)]
    pub name: BuilderName,
    /// URL that gets the announcements: `https://…` or `http://…`, at a public address.
    pub url: String,
    /// True: this Hearth's own builders build what it does not take.
    #[serde(default)]
    pub falls_back: bool,
}

/// Outside builder with the secret that signs its announcements; the secret is shown only this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::OutsideBuilderSecret)]
pub struct OutsideBuilderSecret {
    /// The builder.
    pub builder: OutsideBuilder,
    /// `whsec_` and the key in base64, as in the Standard Webhooks specification.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
}

/// Outside builders that a tool may choose, or those of all tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::OutsideBuilderList)]
pub struct OutsideBuilderList {
    /// The builders, by name.
    pub builders: Vec<OutsideBuilder>,
    /// The builder that the tool has chosen; absent: this Hearth's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub chosen: Option<BuilderName>,
}

/// Choice of a tool's builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuilderChoice)]
pub struct BuilderChoice {
    /// Name of an outside builder; absent, or `hearth`: this Hearth's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub builder: Option<BuilderName>,
}

/// Announcement of a build: the body of the webhook (Standard Webhooks, section "Payload structure").
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildAnnouncement {
    /// [`BUILD_REQUESTED`].
    #[serde(rename = "type")]
    pub event_type: String,
    /// Time of the request.
    pub timestamp: Timestamp,
    /// The build.
    pub data: AnnouncedBuild,
}

/// Build that an outside builder is to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnnouncedBuild {
    /// Id of the build.
    pub build: BuildId,
    /// Number of the attempt, from 1. A later one ends the credential of the earlier ones.
    pub attempt: u32,
    /// Name of the tool.
    pub tool: ToolName,
    /// Source of the build.
    pub source: AnnouncedSource,
    /// Folder of the source that is built; absent: the top folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Recipe of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Process that the image must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Environment variables during the build.
    pub variables: BTreeMap<String, String>,
    /// Containerfile of the plan, if the request had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Image to push to, with the tag: `HOST/tool-TOOL/NAME:latest`.
    pub image: String,
    /// URLs of the API.
    pub api: AnnouncedApi,
    /// Time at which build and credential end.
    pub deadline: Timestamp,
    /// Credential of this attempt: bearer token of reports, and password for pushes.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub credential: Secret,
}

/// Source of an announced build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AnnouncedSource {
    /// A commit of a repository.
    Git {
        /// URL of the repository.
        url: String,
        /// Id of the commit.
        commit: String,
        /// Full name of the ref that was resolved, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// An uploaded folder: a tar archive, compressed by gzip.
    Upload {
        /// URL of the archive; the credential opens it.
        url: String,
        /// SHA-256 digest of the archive.
        digest: String,
        /// Size of the archive in bytes.
        size: u64,
    },
}

/// URLs of the API for the builder of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedApi {
    /// Base of the reports: `/heartbeat`, `/log`, `/finish` and `/source` follow.
    pub reports: String,
    /// Host of the registry, with its port.
    pub registry: String,
    /// True: the registry speaks HTTPS.
    pub registry_tls: bool,
}
