//! Builds.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Cursor, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is asked of a new build: a repository, or a folder that was uploaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildCreate)]
#[serde(default)]
pub struct BuildCreate {
    /// The address of a public git repository, as `https://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its branch, tag or commit; the repository's own default when absent or empty.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// A folder that was uploaded, instead of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub upload: Option<SourceId>,
    /// Variables that are set while the image is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envvars: Option<BTreeMap<String, String>>,
    /// What the image is called; `tool-NAME` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Taken for compatibility: base images are always the newest.
    pub use_latest_versions: bool,
    /// Taken for compatibility: there are no deprecated base images.
    pub use_deprecated_versions: bool,
}

/// How a build is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BuildCreateQuery {
    /// Wait behind the tool's other builds when there are already as many as may run.
    #[serde(deserialize_with = "crate::flag::one")]
    pub queue: bool,
}

/// How a build is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BuildQuery {
    /// Wait until it is over, so many seconds at most: up to 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
}

/// What a build was asked for. Every key is always there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildParameters)]
pub struct BuildParameters {
    /// The repository; empty for an uploaded folder.
    pub source_url: String,
    /// Branch, tag or commit as asked for, or empty.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The uploaded folder, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub upload: Option<SourceId>,
    /// Variables that are set while the image is made.
    pub envvars: BTreeMap<String, String>,
    /// What the image is called.
    pub image_name: String,
    /// As asked for.
    pub use_latest_versions: bool,
    /// As asked for.
    pub use_deprecated_versions: bool,
}

/// How a build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildStatus)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BuildStatus {
    /// It waits for its turn.
    BuildPending,
    /// It is being made.
    BuildRunning,
    /// There is an image.
    BuildSuccess,
    /// There is none; `message` says why.
    BuildFailure,
    /// It was cancelled.
    BuildCancelled,
    /// It took longer than it may.
    BuildTimeout,
    /// What became of it is not known.
    BuildUnknown,
}

/// Where a running build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildStep)]
#[serde(rename_all = "lowercase")]
pub enum BuildStep {
    /// It waits for its turn.
    Waiting,
    /// The source is fetched.
    Fetch,
    /// It is found out how to build it.
    Detect,
    /// The image is made.
    Image,
    /// The image is stored.
    Push,
    /// It is over.
    Done,
}

/// A build. Every documented key is there even when there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::Build)]
pub struct Build {
    /// Its id.
    #[schema(value_type = String)]
    pub build_id: BuildId,
    /// How it is doing.
    pub status: BuildStatus,
    /// Why it ended as it did, or where it is; or empty.
    pub message: String,
    /// When its making began, or empty (RFC 3339).
    pub start_time: String,
    /// When it was over, or empty.
    pub end_time: String,
    /// What was asked for.
    pub parameters: BuildParameters,
    /// The image, with its digest (`…@sha256:…`); empty until there is one.
    pub destination_image: String,
    /// The commit that was built, or the digest of the uploaded folder.
    pub resolved_ref: String,
    /// Where it is.
    pub step: BuildStep,
    /// The image's processes by name, with their command lines.
    pub processes: BTreeMap<String, String>,
    /// When it was asked for.
    pub created: String,
}

/// A build as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildNew)]
pub struct BuildNew {
    /// Its id.
    #[schema(value_type = String)]
    pub name: BuildId,
    /// The commit that will be built.
    pub resolved_ref: String,
    /// What was asked for.
    pub parameters: BuildParameters,
}

/// The answer to a new build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildStarted)]
pub struct BuildStarted {
    /// The build.
    pub new_build: BuildNew,
}

/// One build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildOne)]
pub struct BuildOne {
    /// The build.
    pub build: Build,
}

/// Builds, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildList)]
pub struct BuildList {
    /// The builds of this page.
    pub builds: Vec<Build>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// The build that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildChanged)]
pub struct BuildChanged {
    /// Its id.
    #[schema(value_type = String)]
    pub id: BuildId,
}
