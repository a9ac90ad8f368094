//! What the builder asks and tells.

use std::collections::BTreeMap;

use hearth_base::{BuildId, LifeId, SourceId, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BuildStep;

/// A builder asks for work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Claim)]
#[serde(default)]
pub struct Claim {
    /// How long to wait when there is none, in seconds: at most 25.
    pub wait: u64,
    /// Who asks. What another life of the same builder left behind is its to go on with, at once.
    pub builder: Option<Builder>,
}

/// A builder: at most one process at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Builder)]
pub struct Builder {
    /// The state folder that it lives on, told apart from all others.
    pub place: String,
    /// This process, from its start to its end.
    #[schema(value_type = String)]
    pub life: LifeId,
}

/// The answer: a build to make, or nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Claimed)]
pub struct Claimed {
    /// The build.
    #[serde(default)]
    pub lease: Option<Lease>,
}

/// A build that is this builder's until the lease runs out. A tool has one at a time, whoever makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Lease)]
pub struct Lease {
    /// Proves that the build is this builder's. Opaque.
    pub ticket: String,
    /// The build.
    #[schema(value_type = String)]
    pub build: BuildId,
    /// Counts the attempts, from 1. Another builder that takes over goes on with the same attempt, so that
    /// what runs already is adopted and not doubled.
    pub attempt: u32,
    /// Whose it is.
    #[schema(value_type = String)]
    pub tool: ToolId,
    /// The tool's name when the build was asked for.
    #[schema(value_type = String)]
    pub tool_name: ToolName,
    /// What is built.
    pub source: LeaseSource,
    /// Variables that are set while the image is made.
    pub envvars: BTreeMap<String, String>,
    /// What the image is called.
    pub image_name: String,
    /// When its time is over.
    #[schema(value_type = String, format = DateTime)]
    pub deadline: Timestamp,
    /// It was cancelled meanwhile, or its time is over: stop what runs and finish.
    pub stop: bool,
}

/// What is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeaseSource)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LeaseSource {
    /// A commit of a repository.
    Git {
        /// The repository, as it was named.
        url: String,
        /// Where it is fetched from instead: an operator's mirror.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mirror: Option<String>,
        /// The commit.
        commit: String,
        /// The full name of the ref that led to it, when there was one (`refs/heads/main`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// An uploaded folder, a compressed archive.
    Upload {
        /// Which one.
        #[schema(value_type = String)]
        id: SourceId,
        /// The archive's SHA-256.
        digest: String,
        /// The archive's size in bytes.
        size: u64,
    },
}

/// A builder says that it still works, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Beat)]
pub struct Beat {
    /// The lease's.
    pub ticket: String,
    /// Where the build is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<BuildStep>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How long to wait for the order to stop, in seconds: at most 20, less than a lease lasts.
    #[serde(default)]
    pub wait: u64,
}

/// The answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Beaten)]
pub struct Beaten {
    /// It was cancelled, or its time is over: stop what runs and finish.
    pub stop: bool,
}

/// A builder ends a build, or this attempt at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::Finish)]
pub struct Finish {
    /// The lease's.
    pub ticket: String,
    /// How it ended.
    pub end: LeaseEnd,
}

/// How a build, or an attempt at it, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::internal::LeaseEnd)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum LeaseEnd {
    /// There is an image.
    Made {
        /// Its manifest's digest.
        digest: String,
        /// The image in full, with its digest.
        image: String,
        /// Its processes by name.
        processes: BTreeMap<String, String>,
        /// What was found, for people.
        message: String,
    },
    /// It cannot be made from this source.
    Failed {
        /// Why, for people.
        message: String,
    },
    /// What was running has been stopped, as [`Beaten::stop`] asked.
    Stopped,
    /// Something beside the source was in the way: another attempt may help.
    Again {
        /// What, for people.
        message: String,
    },
}
