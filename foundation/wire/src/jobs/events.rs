//! Events about runs and due times: what webhooks are sent.

use hearth_base::{JobName, ToolId, ToolName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JobType, Run};
use crate::events::EventData;

crate::topic! {
    /// How runs and due times ended, for webhooks and mail.
    pub enum RunEvent in Jobs / "runs", for_webhooks: true {
        /// A run's process began.
        Started(RunEventData) = "job.run.started",
        /// A run did what it was to do.
        Succeeded(RunEventData) = "job.run.succeeded",
        /// A run failed.
        Failed(RunEventData) = "job.run.failed",
        /// Somebody stopped a run, or a newer one took its place.
        Stopped(RunEventData) = "job.run.stopped",
        /// A due time of a schedule brought no run.
        DueMissed(DueMissedData) = "job.due.missed",
    }
}

/// A run, as webhooks are sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::RunEventData)]
pub struct RunEventData {
    /// The tool's name.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// The tool's id.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// The job.
    #[schema(value_type = String)]
    pub job: JobName,
    /// What sort of job it is.
    pub job_type: JobType,
    /// Whether another try follows, or the container is started again.
    pub again: bool,
    /// The run; when it is over, with its last lines.
    pub run: Run,
}

/// Due times that brought no run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::DueMissedData)]
pub struct DueMissedData {
    /// The tool's name.
    #[schema(value_type = String)]
    pub tool: ToolName,
    /// The tool's id.
    #[schema(value_type = String)]
    pub tool_id: ToolId,
    /// The job.
    #[schema(value_type = String)]
    pub job: JobName,
    /// The first of them.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// The last of them.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// How many they are.
    pub count: u64,
    /// Why, in a sentence.
    pub reason: String,
    /// How many due times in a row have brought no run by now.
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
