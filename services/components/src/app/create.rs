//! Creation of a deployment.

use hearth_base::{Access, Error, ErrorKind, MandateId, Result, Role, Scope, Scopes, check_plain_text};
use hearth_kit::{
    guard::{IdentityHeaders, MemberCaller},
    queue::TaskName,
    tool_state::lock_existing_tool,
};
use hearth_wire::components::{
    DEFAULT_COMPONENT, DeploySource, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentState,
    DeploymentStep, StepName, StepState,
};

use crate::{
    context::ComponentsContext,
    store::{
        DEPLOYMENT_ACTIVE_CODE, Deployment, DeploymentContent, DeploymentProgress, build_active_conflict,
    },
};

/// The task that takes a deployment to its end.
pub const DEPLOY_TASK: TaskName<DeploymentId> = TaskName::new("deploy");

/// The port of a published component whose deployment names none.
const DEFAULT_PORT: u16 = 8000;
/// The port of a component that listens on none.
pub const NO_PORT: u16 = 0;

/// The maximum number of queued deployments of one tool.
const MAX_QUEUED_DEPLOYMENTS: usize = 10;

/// Stores a deployment with a mandate of its caller. The deployment continues after the caller disconnects.
pub async fn create(
    cx: &ComponentsContext,
    tool: &MemberCaller,
    by: String,
    shown: &IdentityHeaders,
    create: DeploymentCreate,
    query: DeploymentCreateQuery,
) -> Result<Deployment> {
    let content = build_content(cx, by, create, &query)?;
    let id = DeploymentId::new(content.created, &cx.entropy);
    let scopes = select_scopes(&content.source);
    let mandate = cx.clients.create_mandate(shown, scopes, format!("deployment {id}")).await?;
    let content = DeploymentContent { mandate: Some(mandate), ..content };
    let deployment = Deployment { id, tool: tool.id, active: true, deleted: false, version: 1, content };
    loop {
        match insert_deployment(cx, deployment.clone(), query.queue).await {
            // Another request became active after the check in `insert_deployment`: queue behind it.
            Err(error) if query.queue && error.code() == DEPLOYMENT_ACTIVE_CODE => {}
            Err(error) => {
                end_unused_mandate(cx, mandate).await;
                return Err(error);
            }
            added => return added,
        }
    }
}

async fn insert_deployment(
    cx: &ComponentsContext,
    mut deployment: Deployment,
    queue: bool,
) -> Result<Deployment> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, deployment.tool).await?;
    deployment.active = cx.store.lock_active_deployment(&tx, deployment.tool).await?.is_none();
    if !deployment.active {
        if !queue {
            return Err(build_active_conflict());
        }
        if cx.store.lock_queued_deployments(&tx, deployment.tool).await?.len() >= MAX_QUEUED_DEPLOYMENTS {
            let what =
                format!("the tool has {MAX_QUEUED_DEPLOYMENTS} queued deployments; more are not allowed");
            return Err(
                Error::new(ErrorKind::Exhausted, "deployment-queue", what).help("cancel some of them")
            );
        }
        deployment.message = "it waits for the tool's active deployment".to_owned();
    }
    cx.store.insert_deployment(&tx, &deployment).await?;
    if deployment.active {
        cx.store
            .queue
            .enqueue(&tx, DEPLOY_TASK, &deployment.id.to_string(), &deployment.id, cx.now())
            .await?;
    }
    tx.commit().await?;
    Ok(deployment)
}

/// Ends the mandate of a deployment that was not stored. If `accounts` does not answer, the mandate expires.
async fn end_unused_mandate(cx: &ComponentsContext, mandate: MandateId) {
    if let Err(error) = cx.clients.end_mandate(mandate).await {
        tracing::debug!(%error, "mandate not ended; it will expire");
    }
}

/// Checks the texts of a request, and that a scheduled component is neither published nor has a port. `jobs`
/// checks the schedule itself.
fn check_component(create: &DeploymentCreate) -> Result<()> {
    check_plain_text("description", &create.description, 0..=500)?;
    if let Some(command) = &create.command {
        check_plain_text("command", command, 1..=4000)?;
    }
    if create.port == Some(NO_PORT) {
        return Err(Error::invalid("port", "invalid port 0: expected 1 to 65535"));
    }
    let Some(schedule) = &create.schedule else {
        return match &create.timezone {
            None => Ok(()),
            Some(_) => Err(Error::invalid("timezone", "the time zone has no schedule")
                .help("name a schedule too, or omit the time zone")),
        };
    };
    check_plain_text("schedule", schedule, 1..=200)?;
    check_plain_text("time zone", create.timezone.as_deref().unwrap_or_default(), 0..=100)?;
    if create.publish == Some(true) || create.port.is_some() {
        return Err(Error::invalid(
            "component-kind",
            "a component with a schedule cannot be published and has no port",
        )
        .help("omit the port and publish, or omit the schedule"));
    }
    Ok(())
}

fn build_content(
    cx: &ComponentsContext,
    by: String,
    create: DeploymentCreate,
    query: &DeploymentCreateQuery,
) -> Result<DeploymentContent> {
    check_component(&create)?;
    let DeploymentCreate {
        description,
        source,
        folder,
        recipe,
        builder,
        component,
        command,
        port,
        publish,
        schedule,
        timezone,
        mount,
    } = create;
    let publish = publish.unwrap_or(schedule.is_none());
    let source = source.ok_or_else(|| {
        Error::new(ErrorKind::Unprocessable, "no-source", "the deployment names no source")
            .help("name one: {\"source\": {\"git\": {\"url\": …}}}, or run hearth deploy in its folder")
    })?;
    match &source {
        DeploySource::Git(git) => {
            check_plain_text("address of the repository", &git.url, 1..=2000)?;
            check_plain_text("ref", git.reference.as_deref().unwrap_or_default(), 0..=250)?;
        }
        DeploySource::Image(image) => check_plain_text("image", image, 1..=500)?,
        DeploySource::Upload(_) => {}
    }
    let step = |name| DeploymentStep {
        name,
        state: StepState::Waiting,
        message: String::new(),
        started: None,
        ended: None,
    };
    Ok(DeploymentContent {
        created: cx.now(),
        ended: None,
        by,
        description,
        source,
        folder,
        recipe,
        builder,
        component: component.map_or_else(|| DEFAULT_COMPONENT.parse(), Ok)?,
        command: command.filter(|command| !command.trim().is_empty()),
        port: port.unwrap_or(if publish { DEFAULT_PORT } else { NO_PORT }),
        publish,
        schedule,
        timezone,
        mount,
        force_build: query.force_build,
        force_run: query.force_run,
        mandate: None,
        state: DeploymentState::Pending,
        message: "it waits for a worker".to_owned(),
        steps: StepName::ALL.into_iter().map(step).collect(),
        failure: None,
        revision: None,
        still_running: None,
        progress: DeploymentProgress::default(),
    })
}

/// Selects the scopes that the steps of a deployment from this source need.
fn select_scopes(source: &DeploySource) -> Scopes {
    let jobs = Scope::Tools(Some(Role::Jobs), Access::Write);
    match source {
        DeploySource::Image(_) => Scopes::from_scopes([jobs]),
        DeploySource::Git(_) | DeploySource::Upload(_) => {
            Scopes::from_scopes([Scope::Tools(Some(Role::Builds), Access::Write), jobs])
        }
    }
}
