//! Following a job or all of a tool: its last lines, and then each as it is written.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{Cursor, Error, Result, ToolId};
use hearth_kit::{
    log_error,
    wake::{WakeListener, WakeReason},
};
use hearth_wire::logs::{LogsDirection, LogsEntry, LogsQuery, LogsStreamEnd};
use tokio::time::Instant;

use super::{
    Whose,
    list::{entries, lines, wanted},
    read::{Wanted, find},
};
use crate::cx::Cx;

/// How long a stream lasts: then whoever follows is asked again who they are.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// How many lines come first when nobody says how many.
const FIRST: usize = 100;
/// The most that come first.
const FIRST_MOST: usize = 10_000;
/// How many lines are read at one time.
const PART: usize = 500;

/// A stream under way.
pub struct Follow {
    cx: Cx,
    tool: ToolId,
    whose: Whose,
    wanted: Wanted,
    listener: WakeListener,
    ready: VecDeque<LogsEntry>,
    deadline: Instant,
    /// Whether the deadline is what the caller asked for.
    asked: bool,
    over: bool,
}

/// One line of a stream.
pub enum Said {
    Entry(LogsEntry),
    End(LogsStreamEnd),
}

/// Begins to follow. What is wrong with the question is refused here, before the stream begins.
pub async fn begin(cx: Cx, tool: ToolId, whose: Whose, query: LogsQuery) -> Result<Follow> {
    // Before the first look, so that nothing is missed in between.
    let listener = cx.store.listen_to_topics([whose.topic(tool)]);
    let logs = whose.logs_asked_for(&cx, tool).await?;
    let now = cx.now();
    let first = lines(&query)?;
    let mut wanted = Wanted { limit: PART, order: LogsDirection::OldestFirst, ..wanted(&query, now)? };
    let mut ready = VecDeque::new();
    match &query.cursor {
        Some(cursor) => wanted.after = Some(cursor.key::<i64>()?),
        None if first.is_none() && wanted.since.is_some() => {}
        None => {
            let limit = first.unwrap_or(FIRST).min(FIRST_MOST);
            let last = Wanted { limit, order: LogsDirection::NewestFirst, ..wanted.clone() };
            let found = find(&cx, logs, &last).await?;
            wanted.after = Some(found.head);
            ready = entries(found).into_iter().rev().collect();
        }
    }
    let until = wanted.until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default());
    let life = until.map_or(LIFE, |until| until.min(LIFE));
    let deadline = Instant::now() + life;
    Ok(Follow { cx, tool, whose, wanted, listener, ready, deadline, asked: life < LIFE, over: false })
}

impl Follow {
    /// The next line; `None` when the stream is over.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Said::Entry(entry));
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.read().await {
                self.over = true;
                return Some(Said::End(self.broken(&error)));
            }
            if !self.ready.is_empty() {
                continue;
            }
            let stopped = match self.listener.wait(self.deadline, &self.cx.stop).await {
                WakeReason::Changed => continue,
                WakeReason::DeadlinePassed => false,
                WakeReason::Stopping => true,
            };
            self.over = true;
            if !self.asked || stopped {
                return Some(Said::End(self.ended(stopped)));
            }
        }
    }

    /// Reads what is new.
    async fn read(&mut self) -> Result<()> {
        let logs = self.whose.logs(&self.cx, self.tool).await?;
        let found = find(&self.cx, logs, &self.wanted).await?;
        self.wanted.after = Some(found.head);
        self.ready = entries(found).into();
        Ok(())
    }

    fn ended(&self, stopped: bool) -> LogsStreamEnd {
        let message = if stopped {
            "Hearth is stopping: follow again in a moment".to_owned()
        } else {
            "this stream has lasted a quarter of an hour: follow again to go on".to_owned()
        };
        self.end(message, "stream-over")
    }

    fn broken(&self, error: &Error) -> LogsStreamEnd {
        log_error!(error, "stream of log lines ended early");
        self.end(error.public().to_owned(), error.code())
    }

    fn end(&self, message: String, code: &str) -> LogsStreamEnd {
        LogsStreamEnd {
            message,
            datetime: self.cx.now(),
            pod: String::new(),
            container: String::new(),
            code: code.to_owned(),
            cursor: self.wanted.after.map(Cursor::after),
        }
    }
}
