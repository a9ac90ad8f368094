//! Calls to `logs`: append and read log lines.

use hearth_base::{Result, Role};
use hearth_runtime_api::{LogLine, LogPage, LogStream};
use hearth_wire::logs::{
    LogsStream,
    internal::{LogsBatch, LogsLine, LogsOwner, LogsPage, LogsReadQuery, LogsSource},
};

use super::PeerServices;
use crate::store::Run;

impl PeerServices {
    /// Sends a page of a container's log to `logs`. Returns after the lines are stored.
    pub async fn append_log_page(&self, run: &Run, page: LogPage) -> Result<()> {
        let source = LogsSource {
            tool: run.tool,
            of: LogsOwner::Job(run.job_name.clone()),
            run: run.id(),
            instance: run.instance.to_string(),
        };
        let lines = page.lines.into_iter().map(to_wire_line).collect();
        let batch = LogsBatch { source, lines, complete: page.complete };
        self.client_for(Role::Logs)?.logs().append(&batch).await.map(|_| ())
    }

    /// Reads a page of a log.
    pub async fn read_log(&self, read: &LogsReadQuery) -> Result<LogsPage> {
        self.client_for(Role::Logs)?.logs().read(read).await
    }
}

fn to_wire_line(line: LogLine) -> LogsLine {
    let LogLine { sequence, time, stream, partial, text } = line;
    let stream = match stream {
        LogStream::Out => LogsStream::Out,
        LogStream::Err => LogsStream::Err,
        LogStream::Note => LogsStream::Note,
    };
    LogsLine { sequence, time, stream, partial, text }
}
