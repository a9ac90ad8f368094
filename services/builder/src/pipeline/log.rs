//! Build log: lines of the runs as they are written, and Hearth's own notes.
//!
//! Each line has a sequence number, so that a line sent again after a restart is stored once.

use std::sync::atomic::{AtomicU64, Ordering};

use hearth_base::{Result, Role, cut_text};
use hearth_kit::log_error;
use hearth_runtime_api::{LogLine, LogStream};
use hearth_wire::{
    builds::{
        BuildFailure,
        internal::{BuildLease, BuildLeaseOutcome, BuildLeaseSource},
    },
    logs::{
        LogsStream,
        internal::{LogsBatch, LogsLine, LogsOwner, LogsSource},
    },
};

use crate::context::BuilderContext;

/// Most lines in one batch.
const MAX_LINES_PER_BATCH: usize = 500;
/// Longest line, in bytes; a longer one is truncated.
const MAX_LINE_BYTES: usize = 4 << 10;

/// Writer of a build's log.
pub struct BuildLog<'a> {
    cx: &'a BuilderContext,
    lease: &'a BuildLease,
    line_count: AtomicU64,
}

impl<'a> BuildLog<'a> {
    pub fn new(cx: &'a BuilderContext, lease: &'a BuildLease) -> Self {
        Self { cx, lease, line_count: AtomicU64::new(0) }
    }

    /// Opens the log: it is incomplete until [`BuildLog::close`].
    pub async fn open(&self) -> Result<()> {
        let what = match &self.lease.source {
            BuildLeaseSource::Git { url, commit, reference: Some(reference), .. } => {
                format!("{url} {reference} {commit}")
            }
            BuildLeaseSource::Git { url, commit, reference: None, .. } => format!("{url} {commit}"),
            BuildLeaseSource::Upload { id, size, .. } => format!("{id}, {size} bytes"),
        };
        let line = self.build_note(1, format!("attempt {}: {what}", self.lease.attempt));
        self.send("build", vec![line], false).await
    }

    /// Completes the log with the outcome. An error is only logged, so that it does not delay the end of the
    /// build.
    pub async fn close(&self, outcome: &BuildLeaseOutcome, failure: Option<&BuildFailure>) {
        let text = match outcome {
            BuildLeaseOutcome::Succeeded { image, .. } => image.clone(),
            BuildLeaseOutcome::Failed { message } | BuildLeaseOutcome::Retry { message } => message.clone(),
            BuildLeaseOutcome::Stopped => "The build was stopped.".to_owned(),
        };
        let is_new = |failure: &&BuildFailure| !text.contains(&failure.next_step);
        let next_step = failure.filter(is_new).map(|failure| format!("Next: {}", failure.next_step));
        let texts = text.lines().chain(next_step.as_deref());
        let lines = (2..).zip(texts).map(|(place, line)| self.build_note(place, line.to_owned())).collect();
        if let Err(error) = self.send("build", lines, true).await {
            log_error!(&error, build = %self.lease.build, "end of a build log not stored");
        }
    }

    /// Writes notes about a step, and completes its log.
    pub async fn write_notes(&self, step: &str, sentences: &[String]) -> Result<()> {
        let lines =
            (1..).zip(sentences).map(|(place, sentence)| self.build_note(place, sentence.clone())).collect();
        self.send(step, lines, true).await
    }

    /// Writes lines of a step's run, up to `builder.log_lines` per build.
    pub async fn write_lines(&self, step: &str, lines: Vec<LogLine>) -> Result<()> {
        let limit = self.cx.settings.log_lines;
        let mut stored = Vec::with_capacity(lines.len());
        for line in lines {
            let count = self.line_count.fetch_add(1, Ordering::Relaxed);
            if count > limit {
                break;
            }
            let LogLine { sequence, time, stream, partial, mut text } = line;
            if count == limit {
                text = format!("further lines are not stored: the limit of a build is {limit} lines");
            }
            cut_text(&mut text, MAX_LINE_BYTES);
            let stream = match stream {
                LogStream::Out => LogsStream::Out,
                LogStream::Err => LogsStream::Err,
                LogStream::Note => LogsStream::Note,
            };
            stored.push(LogsLine { sequence, time, stream, partial, text });
        }
        for batch in stored.chunks(MAX_LINES_PER_BATCH) {
            self.send(step, batch.to_vec(), false).await?;
        }
        Ok(())
    }

    /// Completes the log of a step.
    pub async fn complete_step(&self, step: &str) -> Result<()> {
        self.send(step, Vec::new(), true).await
    }

    fn build_note(&self, sequence: u64, mut text: String) -> LogsLine {
        cut_text(&mut text, MAX_LINE_BYTES);
        LogsLine { sequence, time: self.cx.clock.now(), stream: LogsStream::Note, partial: false, text }
    }

    async fn send(&self, instance: &str, lines: Vec<LogsLine>, complete: bool) -> Result<()> {
        let BuildLease { build, attempt, tool, .. } = self.lease;
        let source = LogsSource {
            tool: *tool,
            of: LogsOwner::Build(build.to_string()),
            run: format!("{build}.{attempt}"),
            instance: instance.to_owned(),
        };
        self.cx
            .create_client(Role::Logs)?
            .logs()
            .append(&LogsBatch { source, lines, complete })
            .await
            .map(|_| ())
    }
}
