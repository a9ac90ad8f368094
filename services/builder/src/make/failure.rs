//! Why there is no image, in words for people.

use hearth_base::{Error, Kind};
use hearth_kit::log_error;
use hearth_runtime_api::{End, LogLine, Outcome};
use hearth_runtime_controller::Conclusion;
use hearth_wire::builds::internal::LeaseEnd;

use crate::cx::Cx;

/// Why a step came to no good end.
#[derive(Debug)]
pub enum Failure {
    /// The source is to blame: trying again would end the same.
    Source(String),
    /// Something else is: another attempt may help.
    Elsewhere(String),
    /// It was asked to stop.
    Stopped,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let said = match error.next() {
            Some(help) => format!("{}. To do: {help}.", error.public()),
            None => format!("{}.", error.public()),
        };
        match error.kind() {
            Kind::Invalid | Kind::Unprocessable | Kind::TooLarge => Self::Source(said),
            _ => {
                log_error!(&error, "build step failed");
                Self::Elsewhere(said)
            }
        }
    }
}

impl From<Failure> for LeaseEnd {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Source(message) => Self::Failed { message },
            Failure::Elsewhere(message) => Self::Again { message },
            Failure::Stopped => Self::Stopped,
        }
    }
}

/// What is in the way when a program says this, whatever step it is in: it is nobody's source.
const ELSEWHERE: [(&str, &str); 4] = [
    ("no space left on device", "The disk for builds is full. Whoever runs this Hearth has to make room"),
    ("disk quota exceeded", "The disk for builds is full. Whoever runs this Hearth has to make room"),
    ("pinging container registry", "The registry does not answer"),
    ("trying to reuse blob", "The registry does not answer"),
];

/// The last lines that a step wrote.
#[derive(Debug, Default)]
pub struct Last(Vec<String>);

impl Last {
    /// How many are kept.
    const KEPT: usize = 12;

    /// Notes lines; empty ones say nothing.
    pub fn take(&mut self, lines: &[LogLine]) {
        let said = lines.iter().map(|line| line.text.trim_end()).filter(|text| !text.is_empty());
        self.0.extend(said.map(|text| text.chars().take(300).collect::<String>()));
        let old = self.0.len().saturating_sub(Self::KEPT);
        self.0.drain(..old);
    }

    /// The lines, the last one last.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// What a step's end means, given the last lines that it wrote. `doing` says what was under way.
pub fn of(cx: &Cx, outcome: &Outcome, doing: &str, last: &[String]) -> Option<Failure> {
    if outcome.end == (End::Exited { code: 0 }) {
        return None;
    }
    let code = match Conclusion::from_outcome(outcome) {
        Conclusion::Stopped { .. } => return Some(Failure::Stopped),
        Conclusion::Exited { code } => code,
        Conclusion::Killed { signal } => 128 + signal,
        Conclusion::OutOfMemory => return Some(Failure::Source(memory(cx, doing))),
        Conclusion::TimedOut => return Some(Failure::Source(format!("{doing} took too long."))),
        Conclusion::NotStarted { reason } => {
            return Some(Failure::Elsewhere(format!("{doing} could not be started: {reason}.")));
        }
        Conclusion::Lost if outcome.stopped => return Some(Failure::Stopped),
        Conclusion::Lost => {
            return Some(Failure::Elsewhere(format!(
                "What became of {} is not known: the machine or a part of Hearth ended meanwhile.",
                uncapitalised(doing)
            )));
        }
    };
    let text = last.join("\n").to_lowercase();
    if let Some((_, reason)) = ELSEWHERE.iter().find(|(sign, _)| text.contains(sign)) {
        return Some(Failure::Elsewhere(format!("{reason}.")));
    }
    // buildah's own words for a step that the kernel killed.
    if code == 137 || text.contains("signal: killed") {
        return Some(Failure::Source(memory(cx, doing)));
    }
    let said = last.iter().rev().take(6).rev().cloned().collect::<Vec<_>>().join("\n");
    Some(Failure::Source(match said.is_empty() {
        true => format!("{doing} failed with status {code}."),
        false => format!("{doing} failed with status {code}:\n{said}"),
    }))
}

fn memory(cx: &Cx, doing: &str) -> String {
    format!("{doing} needed more memory than the {} that a build may use.", cx.settings.memory)
}

fn uncapitalised(text: &str) -> String {
    let mut symbols = text.chars();
    symbols.next().map_or_else(String::new, |first| first.to_lowercase().chain(symbols).collect())
}
