//! Following of the lines of a job or of all jobs of a tool: the last lines, then each new line.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{Error, PageCursor, Result, ToolId};
use hearth_kit::{
    log_error,
    wake::{WakeListener, WakeReason},
};
use hearth_wire::logs::{LogsDirection, LogsEntry, LogsQuery, LogsStreamEnd};
use tokio::time::Instant;

use super::{
    LogSelection,
    list::{parse_filter, parse_line_limit, to_entries},
    search::{LineFilter, find_lines},
};
use crate::context::LogsContext;

/// The maximum duration of a stream. The client has to open a new one, which checks its rights again.
const MAX_STREAM_DURATION: Duration = Duration::from_secs(15 * 60);
/// The number of existing lines that a stream begins with by default.
const DEFAULT_FIRST_LINES: usize = 100;
/// The maximum number of existing lines that a stream begins with.
const MAX_FIRST_LINES: usize = 10_000;
/// The number of lines that are read at one time.
const READ_PAGE_SIZE: usize = 500;

/// An open stream of lines.
pub struct LogFollower {
    cx: LogsContext,
    tool: ToolId,
    selection: LogSelection,
    filter: LineFilter,
    listener: WakeListener,
    ready: VecDeque<LogsEntry>,
    deadline: Instant,
    /// True if the deadline is the end that the caller requested.
    has_requested_end: bool,
    is_finished: bool,
}

/// One item of a stream: a line, or the reason of its end.
pub enum StreamItem {
    Entry(LogsEntry),
    End(LogsStreamEnd),
}

/// Opens a stream. Invalid queries are refused here, before the stream begins.
pub async fn open_follower(
    cx: LogsContext,
    tool: ToolId,
    selection: LogSelection,
    query: LogsQuery,
) -> Result<LogFollower> {
    // Listen before the first read, so that no line between the two is missed.
    let listener = cx.store.listen_to_topics([selection.wake_topic(tool)]);
    let logs = selection.find_requested_logs(&cx, tool).await?;
    let now = cx.now();
    let first = parse_line_limit(&query)?;
    let mut filter =
        LineFilter { limit: READ_PAGE_SIZE, order: LogsDirection::OldestFirst, ..parse_filter(&query, now)? };
    let mut ready = VecDeque::new();
    match &query.cursor {
        Some(cursor) => filter.after = Some(cursor.parse_key::<i64>()?),
        None if first.is_none() && filter.since.is_some() => {}
        None => {
            let limit = first.unwrap_or(DEFAULT_FIRST_LINES).min(MAX_FIRST_LINES);
            let last = LineFilter { limit, order: LogsDirection::NewestFirst, ..filter.clone() };
            let found = find_lines(&cx, logs, &last).await?;
            filter.after = Some(found.head);
            ready = to_entries(found).into_iter().rev().collect();
        }
    }
    let until = filter.until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default());
    let duration = until.map_or(MAX_STREAM_DURATION, |until| until.min(MAX_STREAM_DURATION));
    let deadline = Instant::now() + duration;
    Ok(LogFollower {
        cx,
        tool,
        selection,
        filter,
        listener,
        ready,
        deadline,
        has_requested_end: duration < MAX_STREAM_DURATION,
        is_finished: false,
    })
}

impl LogFollower {
    /// Returns the next item; `None` after the end of the stream.
    pub async fn next_item(&mut self) -> Option<StreamItem> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(StreamItem::Entry(entry));
            }
            if self.is_finished {
                return None;
            }
            if let Err(error) = self.read_new_lines().await {
                self.is_finished = true;
                return Some(StreamItem::End(self.build_error_end(&error)));
            }
            if !self.ready.is_empty() {
                continue;
            }
            let is_stopping = match self.listener.wait(self.deadline, &self.cx.stop).await {
                WakeReason::Changed => continue,
                WakeReason::DeadlinePassed => false,
                WakeReason::Stopping => true,
            };
            self.is_finished = true;
            if !self.has_requested_end || is_stopping {
                return Some(StreamItem::End(self.build_end(is_stopping)));
            }
        }
    }

    /// Reads the lines after the last read.
    async fn read_new_lines(&mut self) -> Result<()> {
        let logs = self.selection.find_logs(&self.cx, self.tool).await?;
        let found = find_lines(&self.cx, logs, &self.filter).await?;
        self.filter.after = Some(found.head);
        self.ready = to_entries(found).into();
        Ok(())
    }

    fn build_end(&self, is_stopping: bool) -> LogsStreamEnd {
        let message = if is_stopping {
            "the logs service is stopping; open the stream again".to_owned()
        } else {
            "the stream has reached its limit of 15 minutes; open it again with its cursor".to_owned()
        };
        self.build_stream_end(message, "stream-over")
    }

    fn build_error_end(&self, error: &Error) -> LogsStreamEnd {
        log_error!(error, "stream of log lines ended early");
        self.build_stream_end(error.public_message().to_owned(), error.code())
    }

    fn build_stream_end(&self, message: String, code: &str) -> LogsStreamEnd {
        LogsStreamEnd {
            message,
            datetime: self.cx.now(),
            pod: String::new(),
            container: String::new(),
            code: code.to_owned(),
            cursor: self.filter.after.map(PageCursor::after_key),
        }
    }
}
