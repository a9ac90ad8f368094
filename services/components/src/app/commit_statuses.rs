//! Statuses of commits at the forge: pending, success or failure of the deployment.
//!
//! A status describes the deployment as it is when the status is sent, so that a late or repeated task does no harm.

use std::time::Duration;

use bytes::Bytes;
use hearth_base::{Error, Result, Role, Secret, ToolName};
use hearth_kit::{db::Tx, outbound::FetchLimits, queue::TaskName};
use hearth_wire::components::{DeploySource, DeploymentId, DeploymentState, ForgeDeliveryId};

use super::view::find_page_address;
use crate::{
    context::ComponentsContext,
    forge::{CommitState, build_status_request, is_same_repository},
    spec::ComponentImage,
    store::{Deployment, StoredLink},
};

/// The task that reports the state of a deployment to the forge; its key is the deployment's id.
pub const STATUS_TASK: TaskName<DeploymentId> = TaskName::new("commit-status");
/// The task that reports a refused preview to the forge; its key is the delivery's id.
pub const REFUSAL_STATUS_TASK: TaskName<ForgeDeliveryId> = TaskName::new("refusal-status");
/// The limits of a request to the forge. Its answer is not read.
const FORGE_LIMITS: FetchLimits = FetchLimits { max_bytes: 1024, timeout: Duration::from_secs(15) };
/// The number of characters of a commit id in hexadecimal, from SHA-1 on.
const MIN_COMMIT_CHARACTERS: usize = 40;

/// Enqueues a report of a deployment that a push has started.
pub async fn enqueue_status(cx: &ComponentsContext, tx: &Tx, deployment: &Deployment) -> Result<()> {
    if deployment.repository_link.is_none() {
        return Ok(());
    }
    let id = deployment.id;
    cx.store.queue.enqueue(tx, STATUS_TASK, &id.to_string(), &id, cx.now()).await
}

/// Reports the current state of a deployment to the forge, if its link has a token. Transient errors are returned; the
/// refusal of the forge is stored with the link.
pub async fn send_status(cx: &ComponentsContext, id: DeploymentId) -> Result<()> {
    let Some(deployment) = cx.store.find_deployment(id).await? else { return Ok(()) };
    let (Some(link), Some(tool)) = (deployment.repository_link, &deployment.tool_name) else { return Ok(()) };
    let Some(link) = cx.store.find_link(link).await? else { return Ok(()) };
    let Some(sealed) = &link.status_token else { return Ok(()) };
    let Some(commit) = find_commit(cx, &deployment, &link).await? else { return Ok(()) };
    let token = cx.vault.decrypt_value(link.status_token_place(), sealed)?;
    let name = match (&link.content.environment, deployment.find_preview()) {
        (_, Some(_)) => format_preview_status(tool),
        (None, None) => format!("hearth/{tool}"),
        (Some(environment), None) => format!("hearth/{tool}/{environment}"),
    };
    let page = deployment.find_preview().and_then(|_| find_page_address(cx, tool, &deployment.content));
    let address = page.unwrap_or_else(|| cx.build_deployment_url(tool, id));
    let shown = (find_state(deployment.state), &*name, &*deployment.message, Some(&*address));
    post_status(cx, &link, &commit, shown, &token).await
}

/// The name of the status of a merge request: the same for all of them, so that a forge can require it.
fn format_preview_status(tool: &ToolName) -> String {
    format!("hearth/{tool}/preview")
}

/// Enqueues a report about a merge request whose preview was refused.
pub async fn enqueue_refusal_status(
    cx: &ComponentsContext,
    tx: &Tx,
    link: &StoredLink,
    delivery: ForgeDeliveryId,
) -> Result<()> {
    if link.status_token.is_none() {
        return Ok(());
    }
    cx.store.queue.enqueue(tx, REFUSAL_STATUS_TASK, &delivery.to_string(), &delivery, cx.now()).await
}

/// Reports to the forge why a merge request has no preview. Transient errors are returned.
pub async fn send_refusal_status(cx: &ComponentsContext, id: ForgeDeliveryId) -> Result<()> {
    let Some(delivery) = cx.store.find_delivery_by_id(id).await? else { return Ok(()) };
    let Some(link) = cx.store.find_link(delivery.link).await? else { return Ok(()) };
    let Some(sealed) = link.status_token.as_ref().filter(|_| is_commit(&delivery.commit)) else {
        return Ok(());
    };
    let token = cx.vault.decrypt_value(link.status_token_place(), sealed)?;
    let accounts = cx.clients.create_client(Role::Accounts)?;
    let tool = accounts.accounts_internal().show_tool_facts(link.tool).await?.name;
    let name = format_preview_status(&tool);
    let shown = (CommitState::Failure, &*name, &*delivery.reason, None);
    post_status(cx, &link, &delivery.commit, shown, &token).await
}

/// Sets the status of a commit: its state, name, description and address.
async fn post_status(
    cx: &ComponentsContext,
    link: &StoredLink,
    commit: &str,
    shown: (CommitState, &str, &str, Option<&str>),
    token: &Secret,
) -> Result<()> {
    let request = build_status_request(link.forge, &link.repository, commit, shown, token)?;
    let body = Bytes::from(request.body);
    let answer = cx.outbound.post_document(&request.address, request.headers, body, FORGE_LIMITS).await;
    let problem = match answer {
        Ok(answer) if answer.status.is_success() => None,
        Ok(answer) if answer.status.is_server_error() || matches!(answer.status.as_u16(), 408 | 429) => {
            let what = format!("the forge answered with status {}", answer.status.as_u16());
            return Err(Error::unavailable("forge-unavailable", what));
        }
        Ok(answer) => Some(format!("the forge refused the status ({})", answer.status.as_u16())),
        Err(error) if error.kind().is_transient() => return Err(error),
        Err(error) => Some(error.public_message().to_owned()),
    };
    record_problem(cx, link, problem).await
}

/// Finds the commit that is deployed; before it is known, the one that the forge named.
async fn find_commit(
    cx: &ComponentsContext,
    deployment: &Deployment,
    link: &StoredLink,
) -> Result<Option<String>> {
    let resolved = deployment.components.values().find_map(|rollout| match &rollout.spec.image {
        ComponentImage::Build(build) => match &build.source {
            DeploySource::Git(git) if is_same_repository(&git.url, &link.repository) => {
                Some(rollout.progress.resolved_ref.clone())
            }
            _ => None,
        },
        ComponentImage::Image(_) | ComponentImage::ReuseFrom(_) => None,
    });
    if let Some(commit) = resolved.filter(|commit| is_commit(commit)) {
        return Ok(Some(commit));
    }
    let delivery = cx.store.find_delivery_of_deployment(deployment.id).await?;
    Ok(delivery.map(|delivery| delivery.commit).filter(|commit| is_commit(commit)))
}

fn is_commit(text: &str) -> bool {
    text.len() >= MIN_COMMIT_CHARACTERS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn find_state(state: DeploymentState) -> CommitState {
    match state {
        DeploymentState::Pending | DeploymentState::Running | DeploymentState::Cancelling => {
            CommitState::Pending
        }
        DeploymentState::Successful => CommitState::Success,
        DeploymentState::Failed | DeploymentState::TimedOut => CommitState::Failure,
        DeploymentState::Cancelled => CommitState::Cancelled,
    }
}

async fn record_problem(cx: &ComponentsContext, link: &StoredLink, problem: Option<String>) -> Result<()> {
    if link.content.status_problem == problem {
        return Ok(());
    }
    let tx = cx.store.begin().await?;
    if let Some(mut current) = cx.store.lock_link(&tx, link.id).await?
        && current.status_token == link.status_token
    {
        current.content.status_problem = problem;
        cx.store.save_link(&tx, &current).await?;
    }
    tx.commit().await
}
