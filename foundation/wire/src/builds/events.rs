//! Events about ended builds, for webhooks and mail.

use hearth_base::{BuildId, SourceId, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BuildFailure, BuildStatus};
use crate::events::EventData;

crate::topic! {
    /// Ends of builds, for webhooks and mail.
    pub enum BuildEvent in Builds / "builds", for_webhooks: true {
        /// A build made an image, or found that nothing has changed since the newest one.
        Succeeded(BuildEventData) = "build.succeeded" (mail: OptIn),
        /// A build failed or exceeded its time limit.
        Failed(BuildEventData) = "build.failed" (mail: OptOut),
        /// A build was cancelled.
        Cancelled(BuildEventData) = "build.cancelled",
    }
}

/// An ended build, in an event for webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = builds::BuildEventData)]
pub struct BuildEventData {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// Id of the build.
    #[schema(value_type = String)]
    pub build: BuildId,
    /// Status in which the build ended.
    pub status: BuildStatus,
    /// Reason of the outcome.
    pub message: String,
    /// Explanation of a failure, with the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<BuildFailure>,
    /// Name of the image.
    pub image_name: String,
    /// Image with its digest (`…@sha256:…`), after a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// URL of the repository; absent for an uploaded folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Branch, tag or commit of the request.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Id of the uploaded folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub upload: Option<SourceId>,
    /// Commit that was built, or the digest of the uploaded folder.
    pub resolved_ref: String,
    /// True for a build that a deployment requested. Mail about its failure is that about the deployment.
    pub of_deployment: bool,
    /// Build whose image is the result, because nothing has changed since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reused_build: Option<BuildId>,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time of the end.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// URL of the build in the API.
    pub url: String,
}

impl EventData for BuildEventData {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool_id)
    }
}
