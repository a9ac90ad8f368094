//! Environments of a tool.

use hearth_base::{EnvironmentName, JobName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Environment of a tool: the jobs `NAME--ENVIRONMENT`. `pr-NUMBER` is the preview of a merge request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::Environment)]
pub struct Environment {
    /// Name of the environment.
    #[schema(value_type = String)]
    pub name: EnvironmentName,
    /// Address of its page; absent if none of its jobs is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Number of the newest revision that was deployed to it; absent if its jobs were made otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// End of a preview, at which its jobs are deleted; absent for other environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// State of its page, otherwise of its jobs, as a sentence.
    pub status: String,
    /// Names of its jobs.
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobName>,
}

/// Environments of a tool, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::EnvironmentList)]
pub struct EnvironmentList {
    /// All environments that have jobs, and all previews.
    pub environments: Vec<Environment>,
}
