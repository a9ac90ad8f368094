//! Events about ended deployments, for webhooks and mail.

use hearth_base::{JobName, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeploymentFailureClass, DeploymentId, DeploymentState, StepName};
use crate::events::EventData;

crate::topic! {
    /// Ends of deployments, for webhooks and mail.
    pub enum DeploymentEvent in Components / "deployments", for_webhooks: true {
        /// A deployment succeeded: its revision runs.
        Succeeded(DeploymentEventData) = "deployment.succeeded" (mail: OptIn),
        /// A deployment failed or exceeded its time limit: the previous revision runs again.
        Failed(DeploymentEventData) = "deployment.failed" (mail: OptOut),
        /// A deployment was cancelled: the previous revision runs again.
        Cancelled(DeploymentEventData) = "deployment.cancelled",
        /// A user returned the tool to an earlier revision.
        RolledBack(DeploymentEventData) = "deployment.rolled_back" (mail: OptOut),
    }
}

/// An ended deployment, in an event for webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentEventData)]
pub struct DeploymentEventData {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// Id of the deployment.
    #[schema(value_type = String)]
    pub deployment: DeploymentId,
    /// Environment that the deployment changes; absent for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Author, as in `user ada`.
    pub by: String,
    /// Description of the change; may be empty.
    pub description: String,
    /// State in which the deployment ended.
    pub state: DeploymentState,
    /// Number of the revision that the deployment created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Number of the earlier revision that the deployment was to return to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_revision: Option<u32>,
    /// Number of the revision that runs after a deployment without a revision of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still_running: Option<u32>,
    /// First line of what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Error of the return to the previous revision, if that failed too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_error: Option<String>,
    /// Class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_class: Option<DeploymentFailureClass>,
    /// Component that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub component: Option<JobName>,
    /// Step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// Next step for the user, after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Time of the end.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// URL of the deployment in the API.
    pub url: String,
    /// URL of the tool's web page, if the deployment switched to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl EventData for DeploymentEventData {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool_id)
    }
}
