//! Creation of a deployment.

use std::collections::BTreeMap;

use hearth_base::{Access, Error, ErrorKind, MandateId, Result, Role, Scope, Scopes};
use hearth_kit::{
    guard::{IdentityHeaders, MemberCaller},
    queue::TaskName,
    tool_state::lock_existing_tool,
};
use hearth_wire::components::{
    DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentState, DeploymentStep, StepName,
    StepState,
};

use super::request;
use crate::{
    context::ComponentsContext,
    spec::{ComponentImage, ToolSpec},
    store::{ComponentRollout, DEPLOYMENT_ACTIVE_CODE, Deployment, DeploymentContent, build_active_conflict},
};

/// The task that takes a deployment to its end.
pub const DEPLOY_TASK: TaskName<DeploymentId> = TaskName::new("deploy");

/// The maximum number of queued deployments of one tool.
const MAX_QUEUED_DEPLOYMENTS: usize = 10;

/// Stores a deployment with a mandate of its caller. The deployment continues after the caller disconnects. Returns it with
/// warnings about its configuration.
pub async fn create(
    cx: &ComponentsContext,
    tool: &MemberCaller,
    by: String,
    shown: &IdentityHeaders,
    create: DeploymentCreate,
    query: DeploymentCreateQuery,
) -> Result<(Deployment, Vec<String>)> {
    let requested = request::read_request(cx, tool.id, create).await?;
    let content = begin_content(cx, by, requested.description, requested.spec, &query);
    let content = DeploymentContent {
        tool_name: Some(tool.name.clone()),
        restored_revision: requested.restored_revision,
        config: requested.config,
        environment: requested.environment,
        ..content
    };
    let id = DeploymentId::new(content.created, &cx.entropy);
    let scopes = select_scopes(&content);
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
            Ok(added) => return Ok((added, requested.warnings)),
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

fn begin_content(
    cx: &ComponentsContext,
    by: String,
    description: String,
    spec: ToolSpec,
    query: &DeploymentCreateQuery,
) -> DeploymentContent {
    let step = |name| DeploymentStep {
        name,
        state: StepState::Waiting,
        message: String::new(),
        started: None,
        ended: None,
    };
    let is_complete = spec.is_complete;
    DeploymentContent {
        created: cx.now(),
        ended: None,
        by,
        description,
        tool_name: None,
        restored_revision: None,
        config: None,
        environment: None,
        components: DeploymentContent::begin_rollouts(spec),
        is_complete,
        kept_components: None,
        removals: BTreeMap::new(),
        force_build: query.force_build,
        force_run: query.force_run,
        mandate: None,
        state: DeploymentState::Pending,
        message: "it waits for a worker".to_owned(),
        steps: StepName::ALL.into_iter().map(step).collect(),
        failure: None,
        revision: None,
        still_running: None,
    }
}

/// Selects the scopes that the steps of a deployment need.
fn select_scopes(content: &DeploymentContent) -> Scopes {
    let jobs = Scope::Tools(Some(Role::Jobs), Access::Write);
    let is_built = |rollout: &ComponentRollout| matches!(rollout.spec.image, ComponentImage::Build(_));
    if content.components.values().any(is_built) {
        Scopes::from_scopes([Scope::Tools(Some(Role::Builds), Access::Write), jobs])
    } else {
        Scopes::from_scopes([jobs])
    }
}
