//! Protocol between the builder and `builds`: claim, heartbeat, finish.

use std::collections::BTreeMap;

use hearth_base::{BuildId, ProcessInstanceId, SourceId, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BuildFailure, BuildStep, RecipeChoice};

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
    /// Deadline of the build.
    #[schema(value_type = String, format = DateTime)]
    pub deadline: Timestamp,
    /// True when the build was cancelled or its deadline passed: stop the work, then finish.
    pub stop: bool,
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
    /// Ticket of the lease.
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
    /// Ticket of the lease.
    pub ticket: String,
    /// Outcome.
    pub end: BuildLeaseOutcome,
    /// Explanation of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BuildFailure>,
}

/// Outcome of a build, or of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeaseEnd)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum BuildLeaseOutcome {
    /// The image was built.
    Made {
        /// Digest of its manifest.
        digest: String,
        /// Full name of the image, with its digest.
        image: String,
        /// Processes of the image by name.
        processes: BTreeMap<String, String>,
        /// Detected build plan, for users.
        message: String,
    },
    /// The source cannot be built.
    Failed {
        /// Reason, for users.
        message: String,
    },
    /// The work has been stopped, as [`BuildHeartbeatReply::stop`] ordered.
    Stopped,
    /// An error outside the source; another attempt may succeed.
    Again {
        /// Error, for users.
        message: String,
    },
}
