//! Protocol between builders and `builds`: claim, and the reports of all builders.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{
    BuildId, Digest, PackageSourceName, PreviewNumber, ProcessInstanceId, Secret, SourceId, ToolId, ToolName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BuildFailure, BuildStep, ImageComparison, RecipeChoice};

/// Request of a builder for work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Claim)]
#[serde(default)]
pub struct BuildClaim {
    /// Seconds to wait for a build: at most 25.
    pub wait: u64,
    /// The builder. A new process of the same builder takes over the leases of the former process at once.
    pub builder: Option<BuilderProcess>,
    /// Labels of the builder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Builds that the builder runs at one time, at most; 0: unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub slots: u32,
    /// True: the builder keeps builds of previews apart from their tool. Without it, it gets none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub isolates_previews: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Builder: at most one process at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Builder)]
pub struct BuilderProcess {
    /// Unique id of the builder's state folder.
    pub place: String,
    /// Id of this process of the builder.
    #[schema(value_type = String)]
    pub life: ProcessInstanceId,
}

/// Response to a claim: a build, or none yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Claimed)]
pub struct BuildClaimReply {
    /// Lease on the claimed build.
    #[serde(default)]
    pub lease: Option<BuildLease>,
}

/// Build that is leased to this builder until the lease expires. A tool has one running lease at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Lease)]
pub struct BuildLease {
    /// Opaque proof of the lease.
    pub ticket: String,
    /// Id of the build.
    #[schema(value_type = String)]
    pub build: BuildId,
    /// Number of the attempt, from 1. A builder that takes over continues the same attempt, so that running
    /// work is adopted and not duplicated.
    pub attempt: u32,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// Name of the tool at the time of the request.
    #[schema(value_type = String)]
    pub tool_name: ToolName,
    /// Source of the build.
    pub source: BuildLeaseSource,
    /// Environment variables during the build.
    pub envvars: BTreeMap<String, String>,
    /// Name of the image.
    pub image_name: String,
    /// Folder of the source that is built; default: the top folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Recipe from the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Process that the image must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// True: use no layer of an earlier build.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebuild: bool,
    /// Number of the preview that the build is of: its runs belong to the preview, not to the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub preview: Option<PreviewNumber>,
    /// Package sources that the build gets besides Debian.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub package_sources: Vec<LeasePackageSource>,
    /// Credentials that the fetch of the source may use, the most exact address first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_credentials: Vec<LeaseSourceCredential>,
    /// The build that this one reproduces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_build: Option<OriginalBuild>,
    /// Deadline of the build.
    #[schema(value_type = String, format = DateTime)]
    pub deadline: Timestamp,
    /// True when the build was cancelled or its deadline passed: stop the work, then finish.
    pub stop: bool,
}

/// Package source that a build gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeasePackageSource)]
pub struct LeasePackageSource {
    /// Its name.
    #[schema(value_type = String)]
    pub name: PackageSourceName,
    /// Its file in the deb822 form, without a key.
    pub file: String,
    /// Public OpenPGP key in ASCII armor that signs the archive.
    pub key: String,
    /// True when its packages may replace those of Debian.
    pub overrides_debian: bool,
}

/// Credential for the repository at an address, and for those below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeaseSourceCredential)]
pub struct LeaseSourceCredential {
    /// Address without `.git`: scheme, host, port and path in letters, digits and `-._~%+@:`.
    pub address: String,
    /// User name, in one line.
    pub username: String,
    /// Token or password, in one line.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
}

/// Source of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeaseSource)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BuildLeaseSource {
    /// A commit of a repository.
    Git {
        /// URL of the repository from the request.
        url: String,
        /// URL of an operator's mirror to fetch from instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mirror: Option<String>,
        /// Id of the commit.
        commit: String,
        /// Full name of the ref that was resolved, if there was one (`refs/heads/main`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// An uploaded folder: a compressed archive.
    Upload {
        /// Id of the uploaded folder.
        #[schema(value_type = String)]
        id: SourceId,
        /// SHA-256 digest of the archive.
        digest: String,
        /// Size of the archive in bytes.
        size: u64,
    },
}

/// Heartbeat of a builder, with its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Beat)]
pub struct BuildHeartbeat {
    /// Ticket of the lease. An outside builder has none: its credential is the proof.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ticket: String,
    /// Current step of the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<BuildStep>,
    /// Progress message for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Seconds to wait for a stop order: at most 20, less than the duration of a lease.
    #[serde(default)]
    pub wait: u64,
}

/// Response to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Beaten)]
pub struct BuildHeartbeatReply {
    /// True when the build was cancelled or its deadline passed: stop the work, then finish.
    pub stop: bool,
}

/// End of a build, or of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Finish)]
pub struct BuildFinish {
    /// Ticket of the lease. An outside builder has none: its credential is the proof.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ticket: String,
    /// Outcome.
    pub outcome: BuildLeaseOutcome,
    /// Explanation of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BuildFailure>,
}

/// Outcome of a build, or of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeaseOutcome)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BuildLeaseOutcome {
    /// The image was built.
    Succeeded {
        /// Digest of its manifest.
        digest: String,
        /// Full name of the image, with its digest. Hearth finds that of an outside builder by the digest.
        #[serde(default)]
        image: String,
        /// Processes of the image by name. A label of the image counts first.
        #[serde(default)]
        processes: BTreeMap<String, String>,
        /// Detected build plan, for users.
        #[serde(default)]
        message: String,
        /// Inputs besides the source; absent when they are not known exactly.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<BuildInputs>,
        /// Materials of the image, for its provenance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        materials: Option<Box<BuildMaterials>>,
        /// Differences from the image of the build that was repeated, if there are any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comparison: Option<Box<ImageComparison>>,
    },
    /// The source cannot be built.
    Failed {
        /// Reason, for users.
        message: String,
    },
    /// The work has been stopped, as [`BuildHeartbeatReply::stop`] ordered.
    Stopped,
    /// An error outside the source; another attempt may succeed.
    Retry {
        /// Error, for users.
        message: String,
    },
}

/// Inputs of a build besides its source and parameters: with the same ones, the image is up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Inputs)]
pub struct BuildInputs {
    /// Version of the recipes.
    pub recipes: String,
    /// Digests of the images that the build read, by their names.
    #[schema(value_type = BTreeMap<String, String>)]
    pub images: BTreeMap<String, Digest>,
    /// Names of images that did not exist and were replaced by others: the build is to read them once they exist.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub missing: BTreeSet<String>,
    /// Digest of the package sources of the tool; empty without any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub package_sources: String,
}

/// Lines of a build's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LogReport)]
pub struct BuildLogReport {
    /// Number of the first line, from 1. A line that is sent again is stored once.
    #[schema(minimum = 1)]
    pub first: u64,
    /// Lines without their ends; longer ones than 4096 bytes are cut.
    #[schema(max_items = 500)]
    pub lines: Vec<String>,
}

/// Response to lines of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LogReported)]
pub struct BuildLogReported {
    /// Number of the next line.
    pub next: u64,
}

/// Request of a builder of this Hearth for a token of the registry, which its lease limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::RegistryTokenCreate)]
pub struct RegistryTokenCreate {
    /// Ticket of the lease.
    pub ticket: String,
    /// `true`: pulls and pushes; `false`: pulls.
    pub push: bool,
}

/// Token of the registry. It ends with the lease of the build, or when another builder takes the build over.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::RegistryToken)]
pub struct RegistryToken {
    /// The token.
    #[schema(value_type = String)]
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub secret: Secret,
}

/// Materials of an image besides its source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Materials)]
pub struct BuildMaterials {
    /// Digest of the Containerfile by which the image was made.
    #[schema(value_type = String)]
    pub plan: Option<Digest>,
    /// Digests of the images that the build read, by their names in the Containerfile.
    #[schema(value_type = BTreeMap<String, String>)]
    pub images: BTreeMap<String, Digest>,
    /// Time of the source in seconds since 1970, which files in the image have: of the commit, or of the newest
    /// uploaded file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_time: Option<i64>,
}

/// SBOM of the image that a leased build has pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::SbomUpload)]
pub struct SbomUpload {
    /// Ticket of the lease.
    pub ticket: String,
    /// Digest of the manifest of the image.
    #[schema(value_type = String)]
    pub image: Digest,
    /// Number of packages in the SBOM.
    pub packages: u64,
    /// The SBOM: CycloneDX in JSON, at most 4 MiB.
    pub content: String,
}

/// Build that a reproduction repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::OriginalBuild)]
pub struct OriginalBuild {
    /// Its id.
    #[schema(value_type = String)]
    pub build: BuildId,
    /// Name of its image.
    #[serde(default)]
    pub image_name: String,
    /// Digest of its image.
    #[schema(value_type = String)]
    pub image: Digest,
    /// Materials of its image.
    pub materials: BuildMaterials,
}
