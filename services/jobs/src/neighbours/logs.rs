//! Lines: handed over as they come, and read back for those who ask here.

use hearth_base::{Result, Role};
use hearth_runtime_api::{LogLine, LogPage, Stream};
use hearth_wire::logs::{
    LogsStream,
    internal::{LogsBatch, LogsLine, LogsOf, LogsPage, LogsRead, LogsSource},
};

use super::Neighbours;
use crate::store::Run;

impl Neighbours {
    /// Hands lines of a container over; when this returns they are kept.
    pub async fn log_append(&self, run: &Run, page: LogPage) -> Result<()> {
        let source = LogsSource {
            tool: run.tool,
            of: LogsOf::Job(run.job_name.clone()),
            run: run.id(),
            instance: run.instance.to_string(),
        };
        let lines = page.lines.into_iter().map(line).collect();
        let batch = LogsBatch { source, lines, complete: page.complete };
        self.of(Role::Logs)?.logs().append(&batch).await.map(|_| ())
    }

    /// Reads lines back.
    pub async fn log_read(&self, read: &LogsRead) -> Result<LogsPage> {
        self.of(Role::Logs)?.logs().read(read).await
    }
}

fn line(line: LogLine) -> LogsLine {
    let LogLine { sequence, time, stream, partial, text } = line;
    let stream = match stream {
        Stream::Out => LogsStream::Out,
        Stream::Err => LogsStream::Err,
        Stream::Note => LogsStream::Note,
    };
    LogsLine { sequence, time, stream, partial, text }
}
