//! Watching a deployment to its end: its steps as they come, and what its build said when that failed.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{BuildId, Result};
use hearth_wire::components::{Deployment, DeploymentQuery, Step, StepName, StepState};

use crate::{at_tool::AtTool, commands::build::logs::Log, printer::Steps};

/// How long the server may hold an answer back, in seconds: it answers at once when something happened.
const WAIT: u64 = 25;

/// Watches until nothing more happens to it.
pub async fn to_the_end(
    at: &AtTool<'_>,
    mut deployment: Deployment,
    steps: &mut Steps<'_>,
) -> Result<Deployment> {
    let mut told = Told::default();
    let mut log = BuildLog::Unknown;
    let mut said = Said::default();
    loop {
        if told.hears_that_the_build_failed(&deployment) {
            log.rest(&mut said).await;
            said.show(steps);
        }
        told.tell(&deployment, steps);
        if deployment.status.is_over() {
            return Ok(deployment);
        }
        log = log.open(at, &deployment).await;
        let query = DeploymentQuery { wait: Some(WAIT), after: Some(deployment.version) };
        let id = deployment.deploy_id;
        let components = at.client().components();
        let mut news = std::pin::pin!(at.session.wait(components.show(at.name(), id, &query)));
        deployment = loop {
            // The log first: what the build wrote stands before what became of it.
            let line = steps.during(async {
                tokio::select! {
                    biased;
                    line = log.line() => Heard::Line(line),
                    news = &mut news => Heard::News(Box::new(news)),
                }
            });
            match line.await {
                Heard::Line(line) => said.hear(&line, steps),
                Heard::News(news) => break (*news)?,
            }
        };
    }
}

enum Heard {
    Line(String),
    News(Box<Result<Deployment>>),
}

/// The log of the deployment's build.
enum BuildLog {
    Unknown,
    Open(Log),
    Over,
}

impl BuildLog {
    /// Opens it as soon as there is a build.
    async fn open(self, at: &AtTool<'_>, deployment: &Deployment) -> Self {
        if !matches!(self, Self::Unknown) {
            return self;
        }
        let mut builds = deployment.builds.values();
        let Some(id) = builds.find_map(|build| build.build_id.parse::<BuildId>().ok()) else { return self };
        // Without its log a deployment is as good.
        Log::open(at, id, true).await.map_or(Self::Over, Self::Open)
    }

    /// The next line; waits for ever when there is none.
    async fn line(&mut self) -> String {
        if let Self::Open(log) = self {
            match log.next().await {
                Ok(Some(line)) => return line.line,
                Ok(None) | Err(_) => *self = Self::Over,
            }
        }
        std::future::pending().await
    }
}

impl BuildLog {
    /// Hears what has been written and not been read: a build that failed is over, and so is its log, soon.
    async fn rest(&mut self, said: &mut Said) {
        let all = async {
            while let Self::Open(log) = self
                && let Ok(Some(line)) = log.next().await
            {
                said.keep(&line.line);
            }
        };
        let _enough = tokio::time::timeout(Duration::from_secs(2), all).await;
    }
}

/// The last lines that the build's programs wrote.
#[derive(Default)]
struct Said(VecDeque<String>);

impl Said {
    const KEPT: usize = 20;

    /// A line of the build's log: what is written now stands behind the step's name.
    fn hear(&mut self, line: &str, steps: &mut Steps<'_>) {
        self.keep(line);
        if let Some(line) = self.0.back() {
            steps.say(line);
        }
    }

    fn keep(&mut self, line: &str) {
        let (step, text) = parts(line);
        // What Hearth itself says of the build is told otherwise.
        if step == "build" {
            return;
        }
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(text.to_owned());
    }

    fn show(&mut self, steps: &mut Steps<'_>) {
        self.0.drain(..).for_each(|line| steps.line(&line));
    }
}

/// The step and the text of a line `[step] time text`.
fn parts(line: &str) -> (&str, &str) {
    let behind = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let Some((step, rest)) = behind else { return ("", line) };
    match rest.split_once(' ') {
        Some((time, text)) if time.parse::<jiff::Timestamp>().is_ok() => (step, text),
        _ => (step, rest),
    }
}

/// Which steps have been told, and how they stood then.
#[derive(Default)]
struct Told(Vec<(StepName, StepState)>);

impl Told {
    fn hears_that_the_build_failed(&self, deployment: &Deployment) -> bool {
        let failed = (StepName::Build, StepState::Failed);
        !self.0.contains(&failed) && deployment.steps.iter().any(|step| (step.name, step.state) == failed)
    }

    fn tell(&mut self, deployment: &Deployment, steps: &mut Steps<'_>) {
        for step in &deployment.steps {
            let known = self.0.iter().find(|(name, _)| *name == step.name).map(|(_, state)| *state);
            if known != Some(step.state) {
                self.0.retain(|(name, _)| *name != step.name);
                self.0.push((step.name, step.state));
                show(step, steps);
            } else if step.state == StepState::Running {
                steps.say(&step.message);
            }
        }
    }
}

fn show(step: &Step, steps: &mut Steps<'_>) {
    let name = word(step.name);
    let begun = steps.current() == Some(name);
    match step.state {
        StepState::Waiting => {}
        StepState::Skipped => {
            steps.begin_quietly(name);
            steps.done(if step.message.is_empty() { "not needed" } else { &step.message });
        }
        StepState::Running => {
            steps.begin(name);
            steps.say(&step.message);
        }
        StepState::Done | StepState::Failed => {
            if !begun {
                steps.begin_quietly(name);
            }
            let took = step.started.zip(step.ended).map(|(from, to)| crate::time::took(from, to));
            let took = took.unwrap_or_default();
            // Why it failed is the error's to say.
            if step.state == StepState::Failed {
                return steps.failed(&took);
            }
            let detail = [step.message.clone(), took];
            steps.done(&detail.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  "));
        }
    }
}

fn word(name: StepName) -> &'static str {
    match name {
        StepName::Source => "source",
        StepName::Build => "build",
        StepName::Check => "check",
        StepName::Start => "start",
        StepName::Switch => "switch",
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_line_of_a_build_is_its_step_and_its_text() {
        assert_eq!(parts("[image] 2026-01-02T03:04:05Z STEP 1/2: FROM x"), ("image", "STEP 1/2: FROM x"));
        assert_eq!(parts("[image] no time"), ("image", "no time"));
        assert_eq!(parts("Collecting flask"), ("", "Collecting flask"));
        assert_eq!(parts(""), ("", ""));
    }
}
