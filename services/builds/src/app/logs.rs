//! Stream of a build's log.

use std::{collections::VecDeque, time::Duration};

use futures::Stream;
use hearth_base::{Error, PageLimit, Result, Role};
use hearth_wire::{
    builds::{BuildLogLine, BuildQueuePlace, BuildStatus},
    logs::{
        LogsDirection,
        internal::{LogsKept, LogsOwner, LogsPage, LogsReadQuery},
    },
};

use tokio::time::Instant;

use super::queue;
use crate::{
    context::BuildsContext,
    store::{Build, build_topic},
};

/// Longest wait of one request to `logs`, in seconds.
const POLL_WAIT_SECONDS: u64 = 20;

/// Reader of a build's log, with its position.
struct BuildLogReader {
    cx: BuildsContext,
    build: Build,
    follow: bool,
    read: LogsReadQuery,
    lines: VecDeque<BuildLogLine>,
    /// Place in the queue that was last shown.
    place: Option<BuildQueuePlace>,
    ended: bool,
}

/// Streams the lines of a build's log from its beginning; with `follow`, until the build has ended and its
/// log is complete.
pub fn stream_log_lines(
    cx: BuildsContext,
    build: Build,
    follow: bool,
) -> Result<impl Stream<Item = Result<BuildLogLine>>> {
    let mut read = LogsReadQuery::newest_first(build.tool, LogsOwner::Build(build.id.to_string()));
    read.order = LogsDirection::OldestFirst;
    read.limit = PageLimit::new(1000)?;
    // A build that reused an image ran no step.
    let ended = build.reused_build.is_some();
    let lines = ended.then(|| render_note(&build)).into_iter().collect();
    let reader = BuildLogReader { cx, build, follow, read, lines, place: None, ended };
    Ok(futures::stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await.transpose()?;
        // The stream ends after an error.
        reader.ended |= next.is_err();
        Some((next, reader))
    }))
}

impl BuildLogReader {
    async fn next(&mut self) -> Result<Option<BuildLogLine>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            self.fetch_page().await?;
        }
    }

    /// Fetches the next page of lines, or waits for one.
    async fn fetch_page(&mut self) -> Result<()> {
        let mut listener = self.cx.store.listen_to_topics([build_topic(self.build.id)]);
        // The state is read before the lines: if the build has ended now, this page or a later one has its
        // last line.
        let over = self.build.has_ended() || self.refresh_and_check_ended().await?;
        if self.follow && self.show_place().await? {
            return Ok(());
        }
        self.read.wait = (self.follow && !over).then_some(POLL_WAIT_SECONDS);
        let logs = self.cx.clients.create_client(Role::Logs)?;
        let page = self.cx.stop.run_until_shutdown(async { logs.logs().read(&self.read).await }).await;
        let LogsPage { lines, next, head, complete } = page.ok_or_else(|| {
            Error::unavailable("service-stopping", "the builds service is stopping")
                .help("try again in a moment")
        })??;
        self.lines.extend(lines.iter().map(render_line));
        self.ended = next.is_none() && (over || !self.follow);
        if complete && next.is_none() && !self.ended {
            // No instance writes between two steps; the wake-up tells when the next step begins or the build
            // ends.
            let deadline = Instant::now() + Duration::from_secs(POLL_WAIT_SECONDS);
            let _wake_reason = listener.wait(deadline, &self.cx.stop).await;
        }
        self.read.after = Some(next.unwrap_or(head));
        Ok(())
    }

    /// Adds a line with the place of a waiting build in the queue, if it has changed. Returns true if it was added.
    async fn show_place(&mut self) -> Result<bool> {
        if self.build.status != BuildStatus::BuildPending {
            return Ok(false);
        }
        let place = queue::compute_places(&self.cx).await?.remove(&self.build.id);
        let position = |place: Option<BuildQueuePlace>| place.map(|place| place.position);
        if place.is_none() || position(place) == position(self.place) {
            return Ok(false);
        }
        self.place = place;
        let text = place.map(queue::describe_place).unwrap_or_default();
        self.lines.push_back(BuildLogLine { line: format!("[queue] {:.0} {text}", self.cx.now()) });
        Ok(true)
    }

    /// Reloads the build. Returns true if it has ended or been deleted.
    async fn refresh_and_check_ended(&mut self) -> Result<bool> {
        match self.cx.store.find_build(self.build.tool, self.build.id).await {
            Ok(build) => self.build = build,
            Err(error) if error.kind() == hearth_base::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        }
        Ok(self.build.has_ended())
    }
}

fn render_line(stored: &LogsKept) -> BuildLogLine {
    let line = &stored.line;
    BuildLogLine { line: format!("[{}] {:.0} {}", stored.instance, line.time, line.text) }
}

/// Renders the message of an ended build as a line.
fn render_note(build: &Build) -> BuildLogLine {
    let ended = build.ended.unwrap_or(build.created);
    BuildLogLine { line: format!("[build] {ended:.0} {}", build.message) }
}
