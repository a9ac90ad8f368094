//! Classification of failed builds, with messages for users.

use hearth_base::{Error, ErrorKind};
use hearth_kit::log_error;
use hearth_runtime_api::{ContainerOutcome, LogLine, Termination};
use hearth_runtime_controller::Conclusion;
use hearth_wire::builds::internal::BuildLeaseOutcome;

use crate::context::BuilderContext;

/// Failure of a build step.
#[derive(Debug)]
pub enum BuildFailure {
    /// The source causes the failure; a retry would fail too.
    Source(String),
    /// Something other than the source causes the failure; a retry may succeed.
    Infrastructure(String),
    /// The build was asked to stop.
    Stopped,
}

impl From<Error> for BuildFailure {
    fn from(error: Error) -> Self {
        let message = match error.help_text() {
            Some(help) => format!("{}. To do: {help}.", error.public_message()),
            None => format!("{}.", error.public_message()),
        };
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unprocessable | ErrorKind::TooLarge => Self::Source(message),
            _ => {
                log_error!(&error, "build step failed");
                Self::Infrastructure(message)
            }
        }
    }
}

impl From<BuildFailure> for BuildLeaseOutcome {
    fn from(failure: BuildFailure) -> Self {
        match failure {
            BuildFailure::Source(message) => Self::Failed { message },
            BuildFailure::Infrastructure(message) => Self::Again { message },
            BuildFailure::Stopped => Self::Stopped,
        }
    }
}

/// Texts in a step's output that indicate an infrastructure failure, each with the message for users.
const INFRASTRUCTURE_SIGNS: [(&str, &str); 4] = [
    ("no space left on device", "The disk for builds is full; ask an operator of this Hearth to free space"),
    ("disk quota exceeded", "The disk for builds is full; ask an operator of this Hearth to free space"),
    ("pinging container registry", "The registry does not respond"),
    ("trying to reuse blob", "The registry does not respond"),
];

/// Last lines of a step's output.
#[derive(Debug, Default)]
pub struct LastLines(Vec<String>);

impl LastLines {
    /// Lines to keep.
    const MAX_LINES: usize = 12;

    /// Appends lines, without empty ones.
    pub fn record_lines(&mut self, lines: &[LogLine]) {
        let texts = lines.iter().map(|line| line.text.trim_end()).filter(|text| !text.is_empty());
        self.0.extend(texts.map(|text| text.chars().take(300).collect::<String>()));
        let old = self.0.len().saturating_sub(Self::MAX_LINES);
        self.0.drain(..old);
    }

    /// Returns the lines, oldest first.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// Classifies the end of a step by its outcome and last lines; `None` for success. `activity` names the step
/// in messages, for example `Fetching the source`.
pub fn classify_outcome(
    cx: &BuilderContext,
    outcome: &ContainerOutcome,
    activity: &str,
    last: &[String],
) -> Option<BuildFailure> {
    if outcome.end == (Termination::Exited { code: 0 }) {
        return None;
    }
    let code = match Conclusion::from_outcome(outcome) {
        Conclusion::Stopped { .. } => return Some(BuildFailure::Stopped),
        Conclusion::Exited { code } => code,
        Conclusion::Killed { signal } => 128 + signal,
        Conclusion::OutOfMemory => return Some(BuildFailure::Source(format_memory_message(cx, activity))),
        Conclusion::TimedOut => return Some(BuildFailure::Source(format!("{activity} took too long."))),
        Conclusion::NotStarted { reason } => {
            return Some(BuildFailure::Infrastructure(format!("{activity} could not be started: {reason}.")));
        }
        Conclusion::Lost if outcome.stopped => return Some(BuildFailure::Stopped),
        Conclusion::Lost => {
            return Some(BuildFailure::Infrastructure(format!(
                "The outcome of {} is unknown: the machine or a service of Hearth stopped meanwhile.",
                lowercase_first(activity)
            )));
        }
    };
    let text = last.join("\n").to_lowercase();
    if let Some((_, reason)) = INFRASTRUCTURE_SIGNS.iter().find(|(sign, _)| text.contains(sign)) {
        return Some(BuildFailure::Infrastructure(format!("{reason}.")));
    }
    // 137 is SIGKILL; buildah reports a step that the kernel killed with this text.
    if code == 137 || text.contains("signal: killed") {
        return Some(BuildFailure::Source(format_memory_message(cx, activity)));
    }
    let output = last.iter().rev().take(6).rev().cloned().collect::<Vec<_>>().join("\n");
    Some(BuildFailure::Source(match output.is_empty() {
        true => format!("{activity} failed with status {code}."),
        false => format!("{activity} failed with status {code}:\n{output}"),
    }))
}

fn format_memory_message(cx: &BuilderContext, activity: &str) -> String {
    format!("{activity} needed more memory than the {} that a build may use.", cx.settings.memory)
}

fn lowercase_first(text: &str) -> String {
    let mut symbols = text.chars();
    symbols.next().map_or_else(String::new, |first| first.to_lowercase().chain(symbols).collect())
}
