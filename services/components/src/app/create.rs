//! A new deployment.

use hearth_base::{Access, Error, Kind, MandateId, Result, Role, Scope, Scopes, plain_text};
use hearth_kit::{
    guard::{Member, Shown},
    queue::TaskName,
    tool_state::lock_existing_tool,
};
use hearth_wire::components::{
    DeploySource, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentState, Step, StepName,
    StepState, WEB,
};

use crate::{
    cx::Cx,
    store::{BUSY, Content, Deployment, Progress, busy},
};

/// The task that takes a deployment to its end.
pub const DEPLOY_TASK: TaskName<DeploymentId> = TaskName::new("deploy");

/// The port that a component listens on when nothing else is said.
const PORT: u16 = 8000;

/// How many of a tool's deployments wait for its place at most.
const QUEUE: usize = 10;

/// Stores a deployment with its caller's mandate. Whoever asks may close the connection.
pub async fn create(
    cx: &Cx,
    tool: &Member,
    by: String,
    shown: &Shown,
    create: DeploymentCreate,
    query: DeploymentCreateQuery,
) -> Result<Deployment> {
    let content = content(cx, by, create, &query)?;
    let id = DeploymentId::new(content.created, &cx.entropy);
    let scopes = scopes(&content.source);
    let mandate = cx.clients.mandate(shown, scopes, format!("deployment {id}")).await?;
    let content = Content { mandate: Some(mandate), ..content };
    let deployment = Deployment { id, tool: tool.id, active: true, deleted: false, version: 1, content };
    loop {
        match add(cx, deployment.clone(), query.queue).await {
            // Somebody else was faster with the place that was free a moment ago: behind them, then.
            Err(error) if query.queue && error.code() == BUSY => {}
            Err(error) => {
                give_back(cx, mandate).await;
                return Err(error);
            }
            added => return added,
        }
    }
}

async fn add(cx: &Cx, mut deployment: Deployment, queue: bool) -> Result<Deployment> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, deployment.tool).await?;
    deployment.active = cx.store.deployment_active(&tx, deployment.tool).await?.is_none();
    if !deployment.active {
        if !queue {
            return Err(busy());
        }
        if cx.store.deployment_queue(&tx, deployment.tool).await?.len() >= QUEUE {
            let what = format!("{QUEUE} deployments of this tool wait already");
            return Err(Error::new(Kind::Exhausted, "deployment-queue", what).help("cancel some of them"));
        }
        deployment.said = "it waits for the tool's active deployment".to_owned();
    }
    cx.store.deployment_add(&tx, &deployment).await?;
    if deployment.active {
        cx.store
            .queue
            .enqueue(&tx, DEPLOY_TASK, &deployment.id.to_string(), &deployment.id, cx.now())
            .await?;
    }
    tx.commit().await?;
    Ok(deployment)
}

/// A mandate that is not needed after all. It ends by itself when nobody can be told now.
async fn give_back(cx: &Cx, mandate: MandateId) {
    if let Err(error) = cx.clients.mandate_end(mandate).await {
        tracing::debug!(%error, "a mandate is left to run out");
    }
}

fn content(cx: &Cx, by: String, create: DeploymentCreate, query: &DeploymentCreateQuery) -> Result<Content> {
    let DeploymentCreate { description, source, component, command, port, publish } = create;
    plain_text("description", &description, 0..=500)?;
    if let Some(command) = &command {
        plain_text("command", command, 1..=4000)?;
    }
    if port == Some(0) {
        return Err(Error::invalid("port", "a port is a number from 1 to 65535"));
    }
    let source = source.ok_or_else(|| {
        Error::new(Kind::Unprocessable, "no-source", "the deployment names no source")
            .help("name one: {\"source\": {\"git\": {\"url\": …}}}, or run hearth deploy in its folder")
    })?;
    match &source {
        DeploySource::Git(git) => {
            plain_text("address of the repository", &git.url, 1..=2000)?;
            plain_text("ref", git.reference.as_deref().unwrap_or_default(), 0..=250)?;
        }
        DeploySource::Image(image) => plain_text("image", image, 1..=500)?,
        DeploySource::Upload(_) => {}
    }
    let step =
        |name| Step { name, state: StepState::Waiting, message: String::new(), started: None, ended: None };
    Ok(Content {
        created: cx.now(),
        ended: None,
        by,
        description,
        source,
        component: component.map_or_else(|| WEB.parse(), Ok)?,
        command: command.filter(|command| !command.trim().is_empty()),
        port: port.unwrap_or(PORT),
        publish: publish.unwrap_or(true),
        force_build: query.force_build,
        force_run: query.force_run,
        mandate: None,
        state: DeploymentState::Pending,
        said: "it is about to begin".to_owned(),
        steps: StepName::ALL.into_iter().map(step).collect(),
        failure: None,
        revision: None,
        still_running: None,
        progress: Progress::default(),
    })
}

/// What the steps need, and no more.
fn scopes(source: &DeploySource) -> Scopes {
    let jobs = Scope::Tools(Some(Role::Jobs), Access::Write);
    match source {
        DeploySource::Image(_) => Scopes::of([jobs]),
        DeploySource::Git(_) | DeploySource::Upload(_) => {
            Scopes::of([Scope::Tools(Some(Role::Builds), Access::Write), jobs])
        }
    }
}
