//! Creation of a deployment.

use std::collections::BTreeMap;

use hearth_base::{Access, Error, ErrorKind, MandateId, Result, Role, Scope, Scopes, ToolId, ToolName};
use hearth_kit::{
    db::Tx,
    guard::{IdentityHeaders, MemberCaller},
    queue::TaskName,
    tool_state::lock_existing_tool,
};
use hearth_wire::components::{
    DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentState, DeploymentStep, RepositoryLinkId,
    StepName, StepState,
};

use super::{
    mandates::end_unused_mandate,
    request::{self, DeploymentRequest},
};
use crate::{
    context::ComponentsContext,
    spec::{ComponentImage, ToolSpec},
    store::{ComponentRollout, DEPLOYMENT_ACTIVE_CODE, Deployment, DeploymentContent, build_active_conflict},
};

/// The task that takes a deployment to its end.
pub const DEPLOY_TASK: TaskName<DeploymentId> = TaskName::new("deploy");

/// The maximum number of queued deployments of one tool.
const MAX_QUEUED_DEPLOYMENTS: usize = 10;

/// A deployment before it is stored.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    pub id: DeploymentId,
    pub tool: ToolId,
    pub mandate: Option<MandateId>,
    /// The linked repository whose push started it.
    pub repository_link: Option<RepositoryLinkId>,
    content: DeploymentContent,
}

impl NewDeployment {
    /// Selects the scopes that its steps need.
    pub fn select_scopes(&self) -> Scopes {
        select_scopes(&self.content)
    }

    /// Converts it to the deployment that is stored.
    pub fn into_deployment(self) -> Deployment {
        let Self { id, tool, mandate, repository_link, content } = self;
        let content = DeploymentContent { mandate, repository_link, ..content };
        Deployment { id, tool, active: true, deleted: false, version: 1, content }
    }
}

/// Prepares a deployment of a checked request.
pub fn prepare_deployment(
    cx: &ComponentsContext,
    tool: ToolId,
    tool_name: &ToolName,
    by: String,
    requested: DeploymentRequest,
    query: &DeploymentCreateQuery,
) -> NewDeployment {
    let DeploymentRequest { description, spec, environment, config, restored_revision, warnings: _ } =
        requested;
    let content = begin_content(cx, by, description, spec, query);
    let tool_name = Some(tool_name.clone());
    let content = DeploymentContent { tool_name, restored_revision, config, environment, ..content };
    let id = DeploymentId::new(content.created, &cx.entropy);
    NewDeployment { id, tool, mandate: None, repository_link: None, content }
}

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
    let mut requested = request::read_request(cx, tool.id, create, query.force_build).await?;
    let warnings = std::mem::take(&mut requested.warnings);
    let new = prepare_deployment(cx, tool.id, &tool.name, by, requested, &query);
    let mandate =
        cx.clients.create_mandate(shown, new.select_scopes(), format!("deployment {}", new.id)).await?;
    let deployment = NewDeployment { mandate: Some(mandate), ..new }.into_deployment();
    loop {
        match store_deployment(cx, deployment.clone(), query.queue).await {
            // Another request became active after the check in `insert_deployment`: queue behind it.
            Err(error) if query.queue && error.code() == DEPLOYMENT_ACTIVE_CODE => {}
            Err(error) => {
                end_unused_mandate(cx, mandate).await;
                return Err(error);
            }
            Ok(added) => return Ok((added, warnings)),
        }
    }
}

async fn store_deployment(cx: &ComponentsContext, deployment: Deployment, queue: bool) -> Result<Deployment> {
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, deployment.tool).await?;
    let added = insert_deployment(cx, &tx, deployment, queue).await?;
    tx.commit().await?;
    Ok(added)
}

/// Inserts a deployment in a transaction that has locked its tool: as the active one, or with `queue` behind it.
pub async fn insert_deployment(
    cx: &ComponentsContext,
    tx: &Tx,
    mut deployment: Deployment,
    queue: bool,
) -> Result<Deployment> {
    deployment.active = cx.store.lock_active_deployment(tx, deployment.tool).await?.is_none();
    if !deployment.active {
        if !queue {
            return Err(build_active_conflict());
        }
        if cx.store.lock_queued_deployments(tx, deployment.tool).await?.len() >= MAX_QUEUED_DEPLOYMENTS {
            let what =
                format!("the tool has {MAX_QUEUED_DEPLOYMENTS} queued deployments; more are not allowed");
            return Err(
                Error::new(ErrorKind::Exhausted, "deployment-queue", what).help("cancel some of them")
            );
        }
        deployment.message = "it waits for the tool's active deployment".to_owned();
    }
    cx.store.insert_deployment(tx, &deployment).await?;
    if deployment.active {
        let id = deployment.id;
        cx.store.queue.enqueue(tx, DEPLOY_TASK, &id.to_string(), &id, cx.now()).await?;
    }
    Ok(deployment)
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
        repository_link: None,
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
