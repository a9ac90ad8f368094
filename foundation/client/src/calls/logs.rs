//! Calls about the logs of jobs and builds.

use hearth_base::{JobName, Result, ToolName};
use hearth_wire::{
    logs::{
        LogsList, LogsQuery,
        internal::{LogsBatch, LogsPage, LogsReadQuery, LogsTaken},
    },
    reply::Data,
};
use http::{Method, Response};

use crate::{Body, Call, Client};

/// Calls to `/logs/v1`.
#[derive(Debug, Clone, Copy)]
pub struct LogsCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about the logs of jobs and builds.
    pub fn logs(&self) -> LogsCalls<'_> {
        LogsCalls(self)
    }
}

impl LogsCalls<'_> {
    fn logs_call(&self, tool: &ToolName, job: Option<&JobName>) -> Call<'_> {
        let call = self.0.build_call(Method::GET, "/logs/v1/tool").segment(tool);
        match job {
            Some(job) => call.path_suffix("/job").segment(job),
            None => call,
        }
    }

    /// Lists lines of a job, or of all jobs of the tool.
    pub async fn list<'a>(
        &self,
        tool: &ToolName,
        job: impl Into<Option<&'a JobName>>,
        query: &LogsQuery,
    ) -> Result<Data<LogsList>> {
        self.logs_call(tool, job.into()).path_suffix("/logs").query(query).fetch_json().await
    }

    /// Shows the page that [`LogsList::next`] refers to.
    pub async fn next_page<'a>(
        &self,
        tool: &ToolName,
        job: impl Into<Option<&'a JobName>>,
        next: &str,
    ) -> Result<Data<LogsList>> {
        self.logs_call(tool, job.into()).path_suffix("/logs").path_suffix(next).fetch_json().await
    }

    /// Streams the last lines of a job, or of all jobs of the tool, then new lines: one JSON object a line.
    pub async fn stream_lines<'a>(
        &self,
        tool: &ToolName,
        job: impl Into<Option<&'a JobName>>,
        query: &LogsQuery,
    ) -> Result<Response<Body>> {
        self.logs_call(tool, job.into()).path_suffix("/logs_stream").query(query).send_streaming().await
    }

    /// Appends lines, for services that run things. After the response, the lines are durable.
    pub async fn append(&self, batch: &LogsBatch) -> Result<LogsTaken> {
        self.0.build_call(Method::POST, "/logs/v1/internal/lines").json(batch).fetch_data().await
    }

    /// Reads lines, for services that show them in their own API.
    pub async fn read(&self, read: &LogsReadQuery) -> Result<LogsPage> {
        self.0.build_call(Method::GET, "/logs/v1/internal/lines").query(read).fetch_data().await
    }
}
