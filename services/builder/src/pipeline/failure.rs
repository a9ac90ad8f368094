//! Failures of build steps: what is reported, and whether another attempt may succeed.

use hearth_base::{Error, ErrorKind};
use hearth_kit::log_error;
use hearth_runtime_api::{ContainerOutcome, LogLine, Termination};
use hearth_runtime_controller::Conclusion;
use hearth_wire::builds::{BuildFailure as Explanation, BuildFailureClass, internal::BuildLeaseOutcome};

use super::output_signs::{OutputSigns, explain_class};
use crate::context::BuilderContext;

/// Failure of a build step.
#[derive(Debug)]
pub struct BuildFailure {
    kind: FailureKind,
    message: String,
    explanation: Option<Explanation>,
}

/// Cause of a failure, as far as it decides about another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// The source causes the failure; a retry would fail too.
    Source,
    /// Something other than the source causes the failure; a retry may succeed.
    Infrastructure,
    /// The build was asked to stop.
    Stopped,
}

impl BuildFailure {
    /// A failure that the source causes.
    pub fn from_source(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Source, message: message.into(), explanation: None }
    }

    /// A failure that something other than the source causes.
    pub fn from_infrastructure(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Infrastructure, message: message.into(), explanation: None }
    }

    /// A stop on request.
    pub fn from_stop() -> Self {
        Self { kind: FailureKind::Stopped, message: String::new(), explanation: None }
    }

    /// Sets the explanation for users.
    #[must_use]
    pub fn with_explanation(mut self, explanation: Option<Explanation>) -> Self {
        self.explanation = explanation;
        self
    }

    /// Sets the class, unless the failure has an explanation already or the source does not cause it.
    #[must_use]
    pub fn or_class(self, class: BuildFailureClass) -> Self {
        if self.explanation.is_some() || self.kind != FailureKind::Source {
            return self;
        }
        self.with_explanation(Some(explain_class(class, None)))
    }

    /// Names the archives that were searched in the next step after a missing Debian package. `sources` are the names of
    /// the package sources of the build.
    #[must_use]
    pub fn with_searched_sources(mut self, sources: &[&str]) -> Self {
        let explanation = self.explanation.as_mut();
        let Some(explanation) = explanation.filter(|explanation| is_package_missing(explanation)) else {
            return self;
        };
        let searched = match sources {
            [] => "Debian was searched".to_owned(),
            [one] => format!("Debian and the package source {one} were searched"),
            many => format!("Debian and the package sources {} were searched", many.join(", ")),
        };
        explanation.next_step = format!(
            "{searched}. Correct the name in Aptfile or hearth.yaml, or ask for another package source: hearth request \
             create package-source NAME --reason TEXT"
        );
        self
    }

    /// Converts a failure of a step that executes nothing of the source: the source cannot cause it.
    #[must_use]
    pub fn without_source(self) -> Self {
        match self.kind {
            FailureKind::Source => Self { kind: FailureKind::Infrastructure, ..self },
            _ => self,
        }
    }

    /// Splits the failure into the outcome of the attempt and the explanation.
    pub fn into_outcome(self) -> (BuildLeaseOutcome, Option<Explanation>) {
        let Self { kind, message, explanation } = self;
        match kind {
            FailureKind::Source => (BuildLeaseOutcome::Failed { message }, explanation),
            FailureKind::Infrastructure => (BuildLeaseOutcome::Retry { message }, explanation),
            FailureKind::Stopped => (BuildLeaseOutcome::Stopped, None),
        }
    }
}

impl From<Error> for BuildFailure {
    fn from(error: Error) -> Self {
        let message = match error.help_text() {
            Some(help) => format!("{}. To do: {help}.", error.public_message()),
            None => format!("{}.", error.public_message()),
        };
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unprocessable | ErrorKind::TooLarge => Self::from_source(message),
            _ => {
                log_error!(&error, "build step failed");
                Self::from_infrastructure(message)
            }
        }
    }
}

/// True when apt did not find a package.
fn is_package_missing(explanation: &Explanation) -> bool {
    let line = explanation.line.as_deref().unwrap_or_default();
    explanation.class == BuildFailureClass::DependencyNotFound
        && (line.starts_with("E: Unable to locate package") || line.contains("has no installation candidate"))
}

/// Texts in a step's output that indicate an infrastructure failure, each with its class and the message for users.
const INFRASTRUCTURE_SIGNS: [(&str, BuildFailureClass, &str); 4] = [
    (
        "no space left on device",
        BuildFailureClass::OutOfDisk,
        "The disk for builds is full; ask an operator of this Hearth to free space",
    ),
    (
        "disk quota exceeded",
        BuildFailureClass::OutOfDisk,
        "The disk for builds is full; ask an operator of this Hearth to free space",
    ),
    ("pinging container registry", BuildFailureClass::Network, "The registry does not respond"),
    ("trying to reuse blob", BuildFailureClass::Network, "The registry does not respond"),
];

/// Output of a step: its last lines, and the signs of a cause among all of them.
#[derive(Debug, Default)]
pub struct StepOutput {
    last: Vec<String>,
    signs: OutputSigns,
}

impl StepOutput {
    /// Last lines to keep.
    const MAX_LAST_LINES: usize = 12;
    /// Longest kept line, in characters.
    const MAX_LINE_CHARS: usize = 300;

    /// Records lines, without empty ones.
    pub fn record_lines(&mut self, lines: &[LogLine]) {
        let texts = lines.iter().map(|line| line.text.trim_end()).filter(|text| !text.is_empty());
        for text in texts {
            let text: String = text.chars().take(Self::MAX_LINE_CHARS).collect();
            self.signs.record_line(&text);
            self.last.push(text);
        }
        let old = self.last.len().saturating_sub(Self::MAX_LAST_LINES);
        self.last.drain(..old);
    }

    /// Returns the last lines, oldest first.
    pub fn last_lines(&self) -> &[String] {
        &self.last
    }

    /// Explains a failure by the output; `None` without a sign.
    pub fn find_explanation(&self) -> Option<Explanation> {
        self.signs.find_explanation()
    }
}

/// Classifies the end of a step by its outcome and output; `None` for success. `activity` names the step in messages,
/// for example `Fetching the source`.
pub fn classify_outcome(
    cx: &BuilderContext,
    outcome: &ContainerOutcome,
    activity: &str,
    output: &StepOutput,
) -> Option<BuildFailure> {
    if outcome.end == (Termination::Exited { code: 0 }) {
        return None;
    }
    let code = match Conclusion::from_outcome(outcome) {
        Conclusion::Stopped { .. } => return Some(BuildFailure::from_stop()),
        Conclusion::Exited { code } => code,
        Conclusion::Killed { signal } => 128 + signal,
        Conclusion::OutOfMemory => return Some(build_memory_failure(cx, activity)),
        Conclusion::TimedOut => {
            let failure = BuildFailure::from_source(format!("{activity} took too long."));
            return Some(failure.or_class(BuildFailureClass::Timeout));
        }
        Conclusion::NotStarted { reason } => {
            let message = format!("{activity} could not be started: {reason}.");
            return Some(BuildFailure::from_infrastructure(message));
        }
        Conclusion::Lost if outcome.stopped => return Some(BuildFailure::from_stop()),
        Conclusion::Lost => {
            return Some(BuildFailure::from_infrastructure(format!(
                "The outcome of {} is unknown: the machine or a service of Hearth stopped meanwhile.",
                lowercase_first(activity)
            )));
        }
    };
    let text = output.last_lines().join("\n").to_lowercase();
    if let Some((sign, class, reason)) = INFRASTRUCTURE_SIGNS.iter().find(|(sign, ..)| text.contains(sign)) {
        let line = output.last_lines().iter().find(|line| line.to_lowercase().contains(sign));
        let explanation = explain_class(*class, line.cloned());
        return Some(
            BuildFailure::from_infrastructure(format!("{reason}.")).with_explanation(Some(explanation)),
        );
    }
    // 137 is SIGKILL; buildah reports a step that the kernel killed with this text.
    if code == 137 || text.contains("signal: killed") {
        return Some(build_memory_failure(cx, activity));
    }
    let shown: Vec<String> = output.last_lines().iter().rev().take(6).rev().cloned().collect();
    let message = match shown.is_empty() {
        true => format!("{activity} failed with status {code}."),
        false => format!("{activity} failed with status {code}:\n{}", shown.join("\n")),
    };
    Some(BuildFailure::from_source(message).with_explanation(output.find_explanation()))
}

fn build_memory_failure(cx: &BuilderContext, activity: &str) -> BuildFailure {
    let limit = &cx.settings.memory;
    BuildFailure::from_source(format!("{activity} needed more memory than the {limit} that a build may use."))
        .or_class(BuildFailureClass::OutOfMemory)
}

fn lowercase_first(text: &str) -> String {
    let mut symbols = text.chars();
    symbols.next().map_or_else(String::new, |first| first.to_lowercase().chain(symbols).collect())
}
