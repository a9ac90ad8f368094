//! Failures of builds, explained to users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Class of a failed build: what has to change before it can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildFailureClass)]
#[serde(rename_all = "kebab-case")]
pub enum BuildFailureClass {
    /// The source could not be fetched or unpacked.
    Source,
    /// No build plan fits the source, or a file of the plan is missing or invalid.
    Plan,
    /// A package that the source requires, or its version, does not exist.
    DependencyNotFound,
    /// A compiler refused the source.
    CompileError,
    /// A server could not be reached.
    Network,
    /// The build needed more memory than one build may use.
    OutOfMemory,
    /// The disk or the quota of the build is full.
    OutOfDisk,
    /// The build exceeded its time limit.
    Timeout,
    /// The image would have no process of the required name.
    StartCommandMissing,
    /// A command of the build failed for a reason that is none of the others.
    CommandFailed,
}

/// Explanation of a failed build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildFailure)]
pub struct BuildFailure {
    /// Class of the failure.
    pub class: BuildFailureClass,
    /// Line of the output that shows the cause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Next step for the user.
    pub next_step: String,
}
