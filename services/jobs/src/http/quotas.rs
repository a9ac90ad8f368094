//! How much a tool runs, and how much it may.

use hearth_kit::{Answer, Authed, Reply};
use hearth_wire::{jobs::JobsQuota, reply::Named};

use crate::{app::quota::Use, cx::Cx, rights::JobsRead};

/// How much the tool may run, and how much of that it does.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/quotas", tag = "jobs", operation_id = "jobs.quota",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = Named<JobsQuota>)))]
pub async fn show(cx: Cx, tool: Authed<JobsRead>) -> Reply<JobsQuota> {
    let quota = cx.neighbours.quota(tool.id).await?;
    let (jobs, taken) = (cx.store.jobs(tool.id).await?, cx.store.taken(tool.id).await?);
    let used = Use::of(&jobs, &taken, None);
    Ok(Answer::named(JobsQuota { quota: used.shown(&quota) }))
}
