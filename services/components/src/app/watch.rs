//! Looking at deployments, and waiting for what becomes of them.

use std::time::Duration;

use hearth_base::{Error, Limit, Result, ToolId};
use hearth_wire::components::{DeploymentId, DeploymentQuery};
use tokio::time::Instant;

use crate::{cx::Cx, store::Deployment};

/// The longest wait of one request.
pub const MAX_WAIT_SECONDS: u64 = 25;

/// A tool's deployment.
pub async fn one(cx: &Cx, tool: ToolId, id: DeploymentId) -> Result<Deployment> {
    let found = cx.store.deployment(id).await?.filter(|found| found.tool == tool && !found.deleted);
    found.ok_or_else(|| Error::not_found("deployment", id))
}

/// A tool's newest deployment.
pub async fn latest(cx: &Cx, tool: ToolId) -> Result<Deployment> {
    let newest = cx.store.deployments(tool, Limit::new(1)?, None).await?.items.pop();
    newest.ok_or_else(|| {
        let what = "nothing was deployed yet";
        Error::new(hearth_base::Kind::NotFound, "no-such-deployment", what).help("hearth deploy")
    })
}

/// A deployment, once it is newer than the version that is known, or over, or the time is.
pub async fn watch(cx: &Cx, tool: ToolId, id: DeploymentId, query: DeploymentQuery) -> Result<Deployment> {
    let DeploymentQuery { wait, after } = query;
    let deadline = Instant::now() + Duration::from_secs(wait.unwrap_or(0).min(MAX_WAIT_SECONDS));
    let mut listener = cx.store.listen_to_deployment(tool, id);
    loop {
        let found = one(cx, tool, id).await?;
        let newer = after.is_some_and(|after| u64::try_from(found.version).is_ok_and(|now| now > after));
        if newer || found.state.is_over() || !listener.wait_until(deadline).await {
            return Ok(found);
        }
    }
}
