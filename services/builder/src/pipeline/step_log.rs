//! Forwarding of a step's output to the build's log, except for lines addressed to Hearth.

use async_trait::async_trait;
use hearth_base::Result;
use hearth_runtime_api::{ContainerOutcome, LogLine, LogPage, RunId, Termination};
use hearth_runtime_controller::LogSink;

use super::{
    BuildAttempt,
    failure::{self, BuildFailure},
    source_credentials::redact_secrets,
};

/// Consumes lines addressed to Hearth. Returns true for such a line.
pub type LineFilter<'a> = &'a mut (dyn FnMut(&LogLine) -> bool + Send);

/// Sink for the lines of one step.
struct StepLogSink<'a> {
    attempt: &'a BuildAttempt<'a>,
    step: &'static str,
    filter: LineFilter<'a>,
    output: failure::StepOutput,
    /// Number of lines that were addressed to Hearth.
    consumed: u64,
    /// Number of the last of them.
    last_consumed: u64,
}

#[async_trait]
impl LogSink for StepLogSink<'_> {
    async fn store_page(&mut self, page: LogPage) -> Result<()> {
        if page.lines.is_empty() {
            return Ok(());
        }
        let mut rest = Vec::with_capacity(page.lines.len());
        for mut line in page.lines {
            if (self.filter)(&line) {
                // A page that is read again counts once.
                self.consumed += u64::from(line.sequence > self.last_consumed);
                self.last_consumed = self.last_consumed.max(line.sequence);
            } else {
                // A gap in the numbers would be shown as lost lines.
                line.sequence = line.sequence.saturating_sub(self.consumed);
                redact_secrets(&self.attempt.lease.source_credentials, &mut line.text);
                rest.push(line);
            }
        }
        self.output.record_lines(&rest);
        self.attempt.log.write_lines(self.step, rest).await
    }
}

/// Follows a step's run to its end. `activity` names the step in failure messages, and `known_statuses` maps
/// exit statuses to messages for failures of the source.
pub async fn follow_step(
    attempt: &BuildAttempt<'_>,
    run: RunId,
    step: &'static str,
    activity: &str,
    known_statuses: &[(i32, &str)],
    filter: LineFilter<'_>,
) -> Result<(), BuildFailure> {
    let mut sink = StepLogSink {
        attempt,
        step,
        filter,
        output: failure::StepOutput::default(),
        consumed: 0,
        last_consumed: 0,
    };
    let outcome: ContainerOutcome = attempt.runs.follow_run(run, &mut sink).await?;
    let output = sink.output;
    attempt.log.complete_step(step).await?;
    let status_message = known_statuses
        .iter()
        .find(|(code, _)| outcome.end == Termination::Exited { code: *code } && !outcome.stopped);
    match status_message {
        Some((_, meaning)) => {
            let message = format!("{meaning}\n{}", output.last_lines().join("\n"));
            Err(BuildFailure::from_source(message).with_explanation(output.find_explanation()))
        }
        None => failure::classify_outcome(attempt.cx, &outcome, activity, &output).map_or(Ok(()), Err),
    }
}

/// Sink that discards lines.
pub struct DiscardLines;

#[async_trait]
impl LogSink for DiscardLines {
    async fn store_page(&mut self, _: LogPage) -> Result<()> {
        Ok(())
    }
}
