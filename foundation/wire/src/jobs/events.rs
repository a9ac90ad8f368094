//! Events about runs and due times, for webhooks and mail.

use hearth_base::{JobName, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JobType, Run};
use crate::events::EventData;

crate::topic! {
    /// Outcomes of runs and due times, for webhooks and mail.
    pub enum RunEvent in Jobs / "runs", for_webhooks: true {
        /// A run started.
        Started(RunEventData) = "job.run.started" (mail: OptOut),
        /// A run succeeded.
        Succeeded(RunEventData) = "job.run.succeeded" (mail: OptOut),
        /// A run failed.
        Failed(RunEventData) = "job.run.failed" (mail: OptOut),
        /// A run was stopped by a user or replaced by a newer one.
        Stopped(RunEventData) = "job.run.stopped" (mail: OptOut),
        /// A due time of a schedule was missed.
        DueMissed(DueMissedData) = "job.due.missed" (mail: OptOut),
    }
}

/// A run, in an event for webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunEventData)]
pub struct RunEventData {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// Name of the job.
    #[schema(value_type = String)]
    pub job: JobName,
    /// Type of the job.
    pub job_type: JobType,
    /// True when a retry follows or the container restarts.
    pub again: bool,
    /// The run; after its end, with its last lines of output.
    pub run: Run,
}

/// Missed due times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::DueMissedData)]
pub struct DueMissedData {
    /// Name of the tool.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// Id of the tool.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// Name of the job.
    #[schema(value_type = String)]
    pub job: JobName,
    /// First missed due time.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// Last missed due time.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// Number of missed due times.
    pub count: u64,
    /// Reason, as a sentence.
    pub reason: String,
    /// Number of consecutive missed due times so far.
    pub in_a_row: u64,
}

impl EventData for RunEventData {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool_id)
    }
}

impl EventData for DueMissedData {
    fn tool(&self) -> Option<ToolId> {
        Some(self.tool_id)
    }
}
