//! The rules of logs, without HTTP and SQL.

mod append;
mod intake;
mod list;
mod search;
mod time_parameter;

pub mod follow;
pub mod show;
pub mod sweep;

pub use append::append_lines;
pub use list::list;

use hearth_base::{Error, JobName, Result, ToolId};
use hearth_kit::wake::WakeTopic;
use hearth_wire::logs::internal::LogsOwner;

use crate::{
    context::LogsContext,
    store::{LogSource, StoredLog, log_topic, tool_topic},
};

/// Deletes the logs of a deleted tool, one in each transaction. Lines that still arrive are discarded.
pub async fn delete_tool_data(cx: &LogsContext, tool: ToolId) -> Result<()> {
    while cx.store.delete_one_log(tool).await? {}
    Ok(())
}

/// The selected logs of a tool.
#[derive(Debug, Clone)]
pub enum LogSelection {
    /// The log of one job.
    Job(JobName),
    /// The logs of all jobs.
    Tool,
}

impl LogSelection {
    /// Finds the logs.
    async fn find_logs(&self, cx: &LogsContext, tool: ToolId) -> Result<Vec<StoredLog>> {
        match self {
            Self::Job(job) => Ok(cx.store.find_log(&build_source(tool, job)).await?.into_iter().collect()),
            Self::Tool => cx.store.list_job_logs(tool).await,
        }
    }

    /// Finds the logs for a request. Fails for a job without lines, because its name may be wrong.
    async fn find_requested_logs(&self, cx: &LogsContext, tool: ToolId) -> Result<Vec<StoredLog>> {
        match self {
            Self::Job(job) => Ok(vec![find_job_log(cx, tool, job).await?]),
            Self::Tool => self.find_logs(cx, tool).await,
        }
    }

    /// Returns the wake-up topic of new lines.
    fn wake_topic(&self, tool: ToolId) -> WakeTopic {
        match self {
            Self::Job(job) => log_topic(&build_source(tool, job)),
            Self::Tool => tool_topic(tool),
        }
    }
}

fn build_source(tool: ToolId, job: &JobName) -> LogSource {
    LogSource::new(tool, &LogsOwner::Job(job.clone()))
}

/// Finds a job's log. The error names the possible reasons of a missing log.
async fn find_job_log(cx: &LogsContext, tool: ToolId, job: &JobName) -> Result<StoredLog> {
    let log = cx.store.find_log(&build_source(tool, job)).await?;
    log.filter(|log| log.next > 0).ok_or_else(|| {
        // Clients of Toolforge look for the first sentence.
        let public = format!(
            "Job '{job}' does not have any logs available: it has written nothing yet, writes to files \
             ({job}.out and {job}.err in the tool's home), or does not exist"
        );
        Error::new(hearth_base::ErrorKind::NotFound, "no-such-log", public)
            .help(format!("hearth jobs show {job}"))
    })
}
