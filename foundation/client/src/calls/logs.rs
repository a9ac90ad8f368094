//! Calls about lines that jobs and builds have written.

use hearth_base::{JobName, Result, ToolName};
use hearth_wire::{
    logs::{
        LogsList, LogsQuery,
        internal::{LogsBatch, LogsPage, LogsRead, LogsTaken},
    },
    reply::Data,
};
use http::{Method, Response};

use crate::{Body, Call, Client};

/// Calls to `/logs/v1`.
#[derive(Debug, Clone, Copy)]
pub struct LogsCalls<'a>(&'a Client);

impl Client {
    /// Calls about lines that jobs and builds have written.
    pub fn logs(&self) -> LogsCalls<'_> {
        LogsCalls(self)
    }
}

impl LogsCalls<'_> {
    fn job(&self, tool: &ToolName, job: &JobName) -> Call<'_> {
        self.0.call(Method::GET, "/logs/v1/tool").segment(tool).then("/job").segment(job)
    }

    /// A page of a job's lines.
    pub async fn list(&self, tool: &ToolName, job: &JobName, query: &LogsQuery) -> Result<Data<LogsList>> {
        self.job(tool, job).then("/logs").query(query).answer().await
    }

    /// The page that [`LogsList::next`] names.
    pub async fn next(&self, tool: &ToolName, job: &JobName, next: &str) -> Result<Data<LogsList>> {
        self.job(tool, job).then("/logs").then(next).answer().await
    }

    /// A job's last lines and then each as it is written: a JSON object a line.
    pub async fn stream(&self, tool: &ToolName, job: &JobName, query: &LogsQuery) -> Result<Response<Body>> {
        self.job(tool, job).then("/logs_stream").query(query).streamed().await
    }

    /// Hands lines over, for the services that run things. When this answers, they are durable.
    pub async fn append(&self, batch: &LogsBatch) -> Result<LogsTaken> {
        self.0.call(Method::POST, "/logs/v1/internal/lines").json(batch).data().await
    }

    /// Reads lines, for the services that show them in their own API.
    pub async fn read(&self, read: &LogsRead) -> Result<LogsPage> {
        self.0.call(Method::GET, "/logs/v1/internal/lines").query(read).data().await
    }
}
