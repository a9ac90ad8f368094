//! Builds.

use std::collections::BTreeMap;

use hearth_base::{BuildId, BuilderName, PageCursor, PreviewNumber, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{BuildFailure, BuildReproduction, BuildSbom};

/// New build: of a repository, or of an uploaded folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildCreate)]
#[serde(default)]
pub struct BuildCreate {
    /// URL of a git repository, as `https://…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Branch, tag or commit; default: the repository's default branch.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Id of an uploaded folder, instead of a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub upload: Option<SourceId>,
    /// Environment variables during the build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envvars: Option<BTreeMap<String, String>>,
    /// Name of the image; default `tool-NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Folder of the source that is built, as in `backend` or `apps/api`; default: the top folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub folder: Option<String>,
    /// Recipe, if the source has several; default: the one that `hearth build plan` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Process that the image must have: a source without it is refused before it is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 52)]
    pub process: Option<String>,
    /// Outside builder, or `hearth` for this Hearth's own; default: the choice of the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 40)]
    pub builder: Option<BuilderName>,
    /// Containerfile of the plan, for an outside builder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 65536)]
    pub plan: Option<String>,
    /// Number of the preview that the build is of: it runs outside of the tool's network and without the tool's build
    /// cache, and no later build reuses anything of it. Outside builders do not build previews.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub preview: Option<PreviewNumber>,
    /// Accepted for compatibility and ignored: base images are always the newest.
    pub use_latest_versions: bool,
    /// Accepted for compatibility and ignored: there are no deprecated base images.
    pub use_deprecated_versions: bool,
}

/// Recipe by which a source is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::RecipeChoice)]
#[serde(rename_all = "lowercase")]
pub enum RecipeChoice {
    /// The source's Containerfile or Dockerfile.
    #[serde(alias = "dockerfile")]
    Containerfile,
    /// The recipe for the detected language; a Containerfile is ignored.
    Detected,
}

/// Options of a new build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BuildCreateQuery {
    /// True: queue the build when the tool's limit of running builds is reached.
    #[serde(deserialize_with = "crate::query_flag::deserialize_flag")]
    pub queue: bool,
    /// True: build anew, with no layer of an earlier build, even if nothing has changed since the newest image.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub rebuild: bool,
}

/// Options of reading a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct BuildQuery {
    /// Seconds to wait for the end of the build: at most 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(maximum = 25)]
    pub wait: Option<u64>,
}

/// Parameters of a build. Every key is always present.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildParameters)]
pub struct BuildParameters {
    /// URL of the repository; empty for an uploaded folder.
    pub source_url: String,
    /// Branch, tag or commit of the request, or empty.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Id of the uploaded folder, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub upload: Option<SourceId>,
    /// Environment variables during the build.
    pub envvars: BTreeMap<String, String>,
    /// Name of the image.
    pub image_name: String,
    /// Folder of the source, if it is not the top folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Recipe from the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Process that the image must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// True for a build without layers of earlier ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebuild: bool,
    /// Number of the preview that the build is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub preview: Option<PreviewNumber>,
    /// Value from the request.
    pub use_latest_versions: bool,
    /// Value from the request.
    pub use_deprecated_versions: bool,
}

/// Status of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildStatus)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BuildStatus {
    /// The build is queued.
    BuildPending,
    /// The build is running.
    BuildRunning,
    /// The build has produced an image.
    BuildSuccess,
    /// The build failed; `message` has the reason.
    BuildFailure,
    /// The build was cancelled.
    BuildCancelled,
    /// The build exceeded its time limit.
    BuildTimeout,
    /// The outcome of the build is unknown.
    BuildUnknown,
}

/// Step of a running build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildStep)]
#[serde(rename_all = "lowercase")]
pub enum BuildStep {
    /// The build is queued.
    Waiting,
    /// The source is being fetched.
    Fetch,
    /// The build plan is being detected.
    Detect,
    /// The image is being built.
    Image,
    /// The image is being pushed.
    Push,
    /// The build has ended.
    Done,
}

/// Build. Every documented key is present even when its value is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::Build)]
pub struct Build {
    /// Id of the build.
    #[schema(value_type = String)]
    pub build_id: BuildId,
    /// Status of the build.
    pub status: BuildStatus,
    /// Reason of the outcome, or the current step; may be empty.
    pub message: String,
    /// Start of the build (RFC 3339), or empty.
    pub start_time: String,
    /// End of the build (RFC 3339), or empty.
    pub end_time: String,
    /// Parameters of the build.
    pub parameters: BuildParameters,
    /// Image with its digest (`…@sha256:…`); empty until the image exists.
    pub destination_image: String,
    /// Commit that was built, or the digest of the uploaded folder.
    pub resolved_ref: String,
    /// Current step.
    pub step: BuildStep,
    /// Processes of the image by name, with their command lines.
    pub processes: BTreeMap<String, String>,
    /// Time of the request.
    pub created: String,
    /// Place of a waiting build in the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<BuildQueuePlace>,
    /// Explanation of a failed build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BuildFailure>,
    /// Build whose image is the result, because nothing has changed since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reused_build: Option<BuildId>,
    /// The build that this one repeats, and how their images differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduction: Option<BuildReproduction>,
    /// List of the packages in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<BuildSbom>,
    /// The outside builder that has the build: `NAME`, or `tool-TOOL/NAME` of the tool's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_builder: Option<String>,
}

/// Place of a waiting build in the queue of all tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildQueuePlace)]
pub struct BuildQueuePlace {
    /// Number of the build among the waiting builds, from 1.
    pub position: u32,
    /// Expected wait in seconds, from the durations of past builds; absent while there is no builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_wait: Option<u64>,
}

/// Build as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildNew)]
pub struct BuildNew {
    /// Id of the build.
    #[schema(value_type = String)]
    pub name: BuildId,
    /// Commit to be built.
    pub resolved_ref: String,
    /// Parameters of the build.
    pub parameters: BuildParameters,
}

/// Response to a new build.
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

/// Builds, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildList)]
pub struct BuildList {
    /// Builds of this page.
    pub builds: Vec<Build>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<PageCursor>,
}

/// Reference to the changed build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildChanged)]
pub struct BuildChanged {
    /// Id of the build.
    #[schema(value_type = String)]
    pub id: BuildId,
}
