//! Watching a deployment to its end: its steps as they come, and the log of its build.

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
    loop {
        told.tell(&deployment, steps);
        if deployment.status.is_over() {
            return Ok(deployment);
        }
        log = log.open(at, &deployment).await;
        let query = DeploymentQuery { wait: Some(WAIT), after: Some(deployment.version) };
        let id = deployment.deploy_id;
        let components = at.client().components();
        let mut news = std::pin::pin!(at.ask(components.show(at.name(), id, &query)));
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
                Heard::Line(line) => steps.line(&line),
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

/// Which steps have been told, and how they stood then.
#[derive(Default)]
struct Told(Vec<(StepName, StepState)>);

impl Told {
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
            let detail = [step.message.clone(), took.unwrap_or_default()];
            let detail = detail.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
            if step.state == StepState::Done { steps.done(&detail) } else { steps.failed(&detail) }
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
