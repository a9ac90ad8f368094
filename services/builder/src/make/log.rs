//! A build's log: lines of its runs, passed on as they come, and what Hearth itself has to say.
//!
//! What is passed on twice after a restart is known by its place and kept once.

use std::sync::atomic::{AtomicU64, Ordering};

use hearth_base::{Result, Role};
use hearth_kit::log_error;
use hearth_runtime_api::{LogLine, Stream};
use hearth_wire::{
    builds::internal::{Lease, LeaseEnd, LeaseSource},
    logs::{
        LogsStream,
        internal::{LogsBatch, LogsLine, LogsOf, LogsSource},
    },
};

use crate::cx::Cx;

/// The most lines in one batch.
const BATCH: usize = 500;
/// The longest line that is kept whole.
const LONGEST: usize = 4 << 10;

/// Where a build's lines go.
pub struct Log<'a> {
    cx: &'a Cx,
    lease: &'a Lease,
    kept: AtomicU64,
}

impl<'a> Log<'a> {
    pub fn new(cx: &'a Cx, lease: &'a Lease) -> Self {
        Self { cx, lease, kept: AtomicU64::new(0) }
    }

    /// Begins the log: until [`Log::close`] there is more to come.
    pub async fn open(&self) -> Result<()> {
        let what = match &self.lease.source {
            LeaseSource::Git { url, commit, reference: Some(reference), .. } => {
                format!("{url} {reference} {commit}")
            }
            LeaseSource::Git { url, commit, reference: None, .. } => format!("{url} {commit}"),
            LeaseSource::Upload { id, size, .. } => format!("{id}, {size} bytes"),
        };
        let line = self.note(1, format!("attempt {}: {what}", self.lease.attempt));
        self.send("build", vec![line], false).await
    }

    /// Ends the log. The end of the build does not wait for it.
    pub async fn close(&self, end: &LeaseEnd) {
        let said = match end {
            LeaseEnd::Made { image, .. } => image.clone(),
            LeaseEnd::Failed { message } | LeaseEnd::Again { message } => message.clone(),
            LeaseEnd::Stopped => "It was stopped.".to_owned(),
        };
        let lines = (2..).zip(said.lines()).map(|(place, line)| self.note(place, line.to_owned())).collect();
        if let Err(error) = self.send("build", lines, true).await {
            log_error!(&error, build = %self.lease.build, "end of a build log not stored");
        }
    }

    /// Sentences of Hearth's own about a step.
    pub async fn notes(&self, step: &str, sentences: &[String]) -> Result<()> {
        let lines =
            (1..).zip(sentences).map(|(place, sentence)| self.note(place, sentence.clone())).collect();
        self.send(step, lines, true).await
    }

    /// Lines that a step's run wrote; of very many only the first are kept.
    pub async fn lines(&self, step: &str, lines: Vec<LogLine>) -> Result<()> {
        let most = self.cx.settings.log_lines;
        let mut kept = Vec::with_capacity(lines.len());
        for line in lines {
            let count = self.kept.fetch_add(1, Ordering::Relaxed);
            if count > most {
                break;
            }
            let text = match count == most {
                true => format!("further lines are not kept: a build keeps {most}"),
                false => cut(line.text),
            };
            let LogLine { sequence, time, stream, partial, .. } = line;
            let stream = match stream {
                Stream::Out => LogsStream::Out,
                Stream::Err => LogsStream::Err,
                Stream::Note => LogsStream::Note,
            };
            kept.push(LogsLine { sequence, time, stream, partial, text });
        }
        for batch in kept.chunks(BATCH) {
            self.send(step, batch.to_vec(), false).await?;
        }
        Ok(())
    }

    /// No more lines of a step.
    pub async fn complete(&self, step: &str) -> Result<()> {
        self.send(step, Vec::new(), true).await
    }

    fn note(&self, sequence: u64, text: String) -> LogsLine {
        LogsLine {
            sequence,
            time: self.cx.clock.now(),
            stream: LogsStream::Note,
            partial: false,
            text: cut(text),
        }
    }

    async fn send(&self, instance: &str, lines: Vec<LogsLine>, complete: bool) -> Result<()> {
        let Lease { build, attempt, tool, .. } = self.lease;
        let source = LogsSource {
            tool: *tool,
            of: LogsOf::Build(build.to_string()),
            run: format!("{build}.{attempt}"),
            instance: instance.to_owned(),
        };
        self.cx.of(Role::Logs)?.logs().append(&LogsBatch { source, lines, complete }).await.map(|_| ())
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
