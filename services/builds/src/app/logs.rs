//! What a build has written, and writes.

use std::{collections::VecDeque, time::Duration};

use futures::Stream;
use hearth_base::{Error, Limit, Result, Role};
use hearth_wire::{
    builds::BuildLogLine,
    logs::{
        LogsDirection,
        internal::{LogsKept, LogsOf, LogsPage, LogsRead},
    },
};

use tokio::time::Instant;

use crate::{
    cx::Cx,
    store::{Build, build_topic},
};

/// How long one question to `logs` waits for lines, in seconds.
const WAIT: u64 = 20;

/// How far the reading of a log has come.
struct Reader {
    cx: Cx,
    build: Build,
    follow: bool,
    read: LogsRead,
    lines: VecDeque<LogsKept>,
    ended: bool,
}

/// The lines of a build's log from its beginning; following it, until it is complete.
pub fn lines(cx: Cx, build: Build, follow: bool) -> Result<impl Stream<Item = Result<BuildLogLine>>> {
    let mut read = LogsRead::of(build.tool, LogsOf::Build(build.id.to_string()));
    read.order = LogsDirection::OldestFirst;
    read.limit = Limit::new(1000)?;
    let reader = Reader { cx, build, follow, read, lines: VecDeque::new(), ended: false };
    Ok(futures::stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await.transpose()?;
        // After an error nothing follows.
        reader.ended |= next.is_err();
        Some((next, reader))
    }))
}

impl Reader {
    async fn next(&mut self) -> Result<Option<BuildLogLine>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(shown(&line)));
            }
            if self.ended {
                return Ok(None);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<()> {
        let mut listener = self.cx.store.listen_to_topics([build_topic(self.build.id)]);
        // Looked at before the lines: what was written until it was over is read then.
        let over = self.build.is_over() || self.is_over_by_now().await?;
        self.read.wait = (self.follow && !over).then_some(WAIT);
        let logs = self.cx.clients.of(Role::Logs)?;
        let page = self.cx.stop.unless(async { logs.logs().read(&self.read).await }).await;
        let LogsPage { lines, next, head, complete } =
            page.ok_or_else(|| Error::unavailable("stopping", "this part of Hearth is being restarted"))??;
        self.lines.extend(lines);
        self.ended = next.is_none() && (over || !self.follow);
        if complete && next.is_none() && !self.ended {
            // Between two steps nothing writes: what comes next is heard of here.
            let deadline = Instant::now() + Duration::from_secs(WAIT);
            let _reads_in_any_case = listener.wait(deadline, &self.cx.stop).await;
        }
        self.read.after = Some(next.unwrap_or(head));
        Ok(())
    }

    /// A build that was forgotten is over.
    async fn is_over_by_now(&mut self) -> Result<bool> {
        match self.cx.store.build(self.build.tool, self.build.id).await {
            Ok(build) => self.build = build,
            Err(error) if error.kind() == hearth_base::Kind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        }
        Ok(self.build.is_over())
    }
}

fn shown(kept: &LogsKept) -> BuildLogLine {
    let line = &kept.line;
    BuildLogLine { line: format!("[{}] {:.0} {}", kept.instance, line.time, line.text) }
}
