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
    fn of(&self, tool: &ToolName, job: Option<&JobName>) -> Call<'_> {
        let call = self.0.call(Method::GET, "/logs/v1/tool").segment(tool);
        match job {
            Some(job) => call.then("/job").segment(job),
            None => call,
        }
    }

    /// A page of a job's lines; of those of all jobs of the tool when none is named.
    pub async fn list<'a>(
        &self,
        tool: &ToolName,
        job: impl Into<Option<&'a JobName>>,
        query: &LogsQuery,
    ) -> Result<Data<LogsList>> {
        self.of(tool, job.into()).then("/logs").query(query).answer().await
    }

    /// The page that [`LogsList::next`] names.
    pub async fn next<'a>(
        &self,
        tool: &ToolName,
        job: impl Into<Option<&'a JobName>>,
        next: &str,
    ) -> Result<Data<LogsList>> {
        self.of(tool, job.into()).then("/logs").then(next).answer().await
    }

    /// A job's last lines, or those of all jobs of the tool, and then each as it is written: a JSON object a line.
    pub async fn stream<'a>(
        &self,
        tool: &ToolName,
        job: impl Into<Option<&'a JobName>>,
        query: &LogsQuery,
    ) -> Result<Response<Body>> {
        self.of(tool, job.into()).then("/logs_stream").query(query).streamed().await
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
