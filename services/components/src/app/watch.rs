//! Reading deployments and waiting for their changes.

use std::time::Duration;

use hearth_base::{Error, PageLimit, Result, ToolId};
use hearth_wire::components::{DeploymentId, DeploymentQuery};
use tokio::time::Instant;

use crate::{context::ComponentsContext, store::Deployment};

/// The longest wait of one request.
pub const MAX_WAIT_SECONDS: u64 = 25;

/// Finds a deployment of a tool.
pub async fn find_deployment(cx: &ComponentsContext, tool: ToolId, id: DeploymentId) -> Result<Deployment> {
    let found = cx.store.find_deployment(id).await?.filter(|found| found.tool == tool && !found.deleted);
    found.ok_or_else(|| Error::not_found("deployment", id))
}

/// Finds the newest deployment of a tool.
pub async fn find_latest_deployment(cx: &ComponentsContext, tool: ToolId) -> Result<Deployment> {
    let newest = cx.store.list_deployments(tool, PageLimit::new(1)?, None).await?.items.pop();
    newest.ok_or_else(|| {
        let message = "the tool has no deployment";
        Error::new(hearth_base::ErrorKind::NotFound, "no-such-deployment", message).help("hearth deploy")
    })
}

/// Returns a deployment once its version is newer than `after`, it has ended, or `wait` seconds have passed.
pub async fn watch_deployment(
    cx: &ComponentsContext,
    tool: ToolId,
    id: DeploymentId,
    query: DeploymentQuery,
) -> Result<Deployment> {
    let DeploymentQuery { wait, after } = query;
    let deadline = Instant::now() + Duration::from_secs(wait.unwrap_or(0).min(MAX_WAIT_SECONDS));
    let mut listener = cx.store.listen_to_deployment(tool, id);
    loop {
        let found = find_deployment(cx, tool, id).await?;
        let newer = after.is_some_and(|after| u64::try_from(found.version).is_ok_and(|now| now > after));
        if newer || found.state.has_ended() || !listener.wait_until(deadline).await {
            return Ok(found);
        }
    }
}
