//! Follows a deployment to its end: prints its steps, and the last output of a failed build.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{BuildId, Result};
use hearth_wire::components::{
    BuildInfo, BuildState, Deployment, DeploymentQuery, DeploymentStep, StepName, StepState,
};

use crate::{commands::build::logs::BuildLogReader, printer::Steps, tool_session::ToolSession};

/// The long-poll time in seconds: the server answers at once when the deployment changes.
const LONG_POLL_SECONDS: u64 = 25;

/// Prints the progress of a deployment until it ends.
pub async fn follow_deployment(
    session: &ToolSession<'_>,
    mut deployment: Deployment,
    steps: &mut Steps<'_>,
) -> Result<Deployment> {
    let mut reported = ReportedSteps::default();
    let mut log = DeploymentBuildLog::Unknown;
    let mut recent_lines = RecentLines::default();
    loop {
        if reported.is_build_failure_unreported(&deployment) {
            log = log.open_failed_build(session, &deployment, &mut recent_lines).await;
            log.read_remaining(&mut recent_lines).await;
            recent_lines.print_lines(steps);
        }
        reported.report_changes(&deployment, steps);
        if deployment.status.has_ended() {
            return Ok(deployment);
        }
        log = log.open_when_built(session, &deployment).await;
        let query = DeploymentQuery { wait: Some(LONG_POLL_SECONDS), after: Some(deployment.version) };
        let id = deployment.deploy_id;
        let components = session.client().components();
        let mut update = std::pin::pin!(session.server_session.send_long_poll(components.show(
            session.tool_name(),
            id,
            &query
        )));
        deployment = loop {
            // The log has priority: its lines are printed before the state that they explain.
            let line = steps.wait_for(async {
                tokio::select! {
                    biased;
                    line = log.next_line() => FollowEvent::Line(line),
                    answer = &mut update => FollowEvent::Update(Box::new(answer)),
                }
            });
            match line.await {
                FollowEvent::Line(line) => recent_lines.push_and_show(&line, steps),
                FollowEvent::Update(answer) => break (*answer)?,
            }
        };
    }
}

/// An event while a deployment is followed.
enum FollowEvent {
    Line(String),
    Update(Box<Result<Deployment>>),
}

/// The log of one of the deployment's builds.
enum DeploymentBuildLog {
    Unknown,
    Open(BuildId, BuildLogReader),
    Over(Option<BuildId>),
}

impl DeploymentBuildLog {
    /// Opens the log of the first build as soon as the deployment has one; of several, the next one that runs after the
    /// end of the former log.
    async fn open_when_built(self, session: &ToolSession<'_>, deployment: &Deployment) -> Self {
        let former = match self {
            Self::Open(..) => return self,
            Self::Over(former) => former,
            Self::Unknown => None,
        };
        let is_next = |build: &BuildInfo| former.is_none() || build.build_status == BuildState::Running;
        let mut builds = deployment.builds.values().filter(|build| is_next(build));
        match builds.find_map(|build| build.build_id.parse().ok().filter(|id| Some(*id) != former)) {
            Some(id) => Self::open_log(session, id).await,
            None if former.is_none() => Self::Unknown,
            None => Self::Over(former),
        }
    }

    /// Opens the log of the build that failed, unless it is the current one. Lines of another build are dropped.
    async fn open_failed_build(
        self,
        session: &ToolSession<'_>,
        deployment: &Deployment,
        recent_lines: &mut RecentLines,
    ) -> Self {
        let current = match &self {
            Self::Open(id, _) | Self::Over(Some(id)) => Some(*id),
            Self::Unknown | Self::Over(None) => None,
        };
        let mut failed = deployment.builds.values().filter(|build| build.build_status == BuildState::Failed);
        match failed.find_map(|build| build.build_id.parse().ok()) {
            Some(id) if Some(id) != current => {
                recent_lines.0.clear();
                Self::open_log(session, id).await
            }
            _ => self,
        }
    }

    /// Opens the log of a build. It is optional: a deployment is followed without it.
    async fn open_log(session: &ToolSession<'_>, id: BuildId) -> Self {
        BuildLogReader::open(session, id, true)
            .await
            .map_or(Self::Over(Some(id)), |reader| Self::Open(id, reader))
    }

    /// Returns the next line; never returns when there is none.
    async fn next_line(&mut self) -> String {
        if let Self::Open(id, log) = self {
            match log.next().await {
                Ok(Some(line)) => return line.line,
                Ok(None) | Err(_) => *self = Self::Over(Some(*id)),
            }
        }
        std::future::pending().await
    }
}

impl DeploymentBuildLog {
    /// Reads the rest of the log of a failed build, for two seconds at most.
    async fn read_remaining(&mut self, recent_lines: &mut RecentLines) {
        let all = async {
            while let Self::Open(_, log) = self
                && let Ok(Some(line)) = log.next().await
            {
                recent_lines.push_line(&line.line);
            }
        };
        let _timeout = tokio::time::timeout(Duration::from_secs(2), all).await;
    }
}

/// The last lines that the build's programs printed.
#[derive(Default)]
struct RecentLines(VecDeque<String>);

impl RecentLines {
    /// Maximum number of lines.
    const MAX_RECENT_LINES: usize = 20;

    /// Adds a line of the build's log and shows it as the detail of the current step.
    fn push_and_show(&mut self, line: &str, steps: &mut Steps<'_>) {
        self.push_line(line);
        if let Some(line) = self.0.back() {
            steps.set_detail(line);
        }
    }

    fn push_line(&mut self, line: &str) {
        let (step, text) = split_log_line(line);
        // Hearth's own lines about the build are not shown: the steps report them.
        if step == "build" {
            return;
        }
        if self.0.len() == Self::MAX_RECENT_LINES {
            self.0.pop_front();
        }
        self.0.push_back(text.to_owned());
    }

    fn print_lines(&mut self, steps: &mut Steps<'_>) {
        self.0.drain(..).for_each(|line| steps.print_output_line(&line));
    }
}

/// Splits a line `[step] time text` into step and text.
fn split_log_line(line: &str) -> (&str, &str) {
    let behind = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let Some((step, rest)) = behind else { return ("", line) };
    match rest.split_once(' ') {
        Some((time, text)) if time.parse::<jiff::Timestamp>().is_ok() => (step, text),
        _ => (step, rest),
    }
}

/// The reported steps with their last reported state and message.
#[derive(Default)]
struct ReportedSteps(Vec<(StepName, StepState, String)>);

/// The news about a step.
#[derive(Debug, PartialEq, Eq)]
enum StepNews {
    /// Its state is new.
    State,
    /// Its message is new, and its state is not.
    Message,
    /// Nothing is new: a line of the log may be shown instead of the message.
    Nothing,
}

impl ReportedSteps {
    fn is_build_failure_unreported(&self, deployment: &Deployment) -> bool {
        let failed = (StepName::Build, StepState::Failed);
        let is_reported = self.0.iter().any(|(name, state, _)| (*name, *state) == failed);
        !is_reported && deployment.steps.iter().any(|step| (step.name, step.state) == failed)
    }

    /// Records a step, and returns what is new about it.
    fn record_step(&mut self, step: &DeploymentStep) -> StepNews {
        let Some((_, state, message)) = self.0.iter_mut().find(|(name, ..)| *name == step.name) else {
            self.0.push((step.name, step.state, step.message.clone()));
            return StepNews::State;
        };
        let news = match (*state == step.state, *message == step.message) {
            (false, _) => StepNews::State,
            (true, false) => StepNews::Message,
            (true, true) => StepNews::Nothing,
        };
        (*state, *message) = (step.state, step.message.clone());
        news
    }

    fn report_changes(&mut self, deployment: &Deployment, steps: &mut Steps<'_>) {
        for step in &deployment.steps {
            match self.record_step(step) {
                StepNews::State => report_step(step, steps),
                StepNews::Message if step.state == StepState::Running => steps.set_detail(&step.message),
                StepNews::Message | StepNews::Nothing => {}
            }
        }
    }
}

fn report_step(step: &DeploymentStep, steps: &mut Steps<'_>) {
    let name = describe_step(step.name);
    let is_begun = steps.current_step() == Some(name);
    match step.state {
        StepState::Waiting => {}
        StepState::Skipped => {
            steps.begin_step_quietly(name);
            steps.mark_done(if step.message.is_empty() { "not needed" } else { &step.message });
        }
        StepState::Running => {
            steps.begin_step(name);
            steps.set_detail(&step.message);
        }
        StepState::Done | StepState::Failed => {
            if !is_begun {
                steps.begin_step_quietly(name);
            }
            let took = step.started.zip(step.ended).map(|(from, to)| crate::time::format_elapsed(from, to));
            let took = took.unwrap_or_default();
            // The error message has the reason of the failure.
            if step.state == StepState::Failed {
                return steps.mark_failed(&took);
            }
            let detail = [step.message.clone(), took];
            steps.mark_done(
                &detail.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  "),
            );
        }
    }
}

fn describe_step(name: StepName) -> &'static str {
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
    use super::*;

    #[test]
    fn message_that_is_not_new_does_not_replace_a_line_of_the_log() {
        let build_step = |state, message: &str| DeploymentStep {
            name: StepName::Build,
            state,
            message: message.to_owned(),
            started: None,
            ended: None,
        };
        let mut reported = ReportedSteps::default();
        for (state, message, news) in [
            (StepState::Running, "the build is queued", StepNews::State),
            (StepState::Running, "Building the image.", StepNews::Message),
            (StepState::Running, "Building the image.", StepNews::Nothing),
            (StepState::Running, "Pushing the image.", StepNews::Message),
            (StepState::Done, "Pushing the image.", StepNews::State),
        ] {
            assert_eq!(reported.record_step(&build_step(state, message)), news, "{message}");
        }
    }

    #[test]
    fn a_line_of_a_build_is_its_step_and_its_text() {
        assert_eq!(
            split_log_line("[image] 2026-01-02T03:04:05Z STEP 1/2: FROM x"),
            ("image", "STEP 1/2: FROM x")
        );
        assert_eq!(split_log_line("[image] no time"), ("image", "no time"));
        assert_eq!(split_log_line("Collecting flask"), ("", "Collecting flask"));
        assert_eq!(split_log_line(""), ("", ""));
    }
}
