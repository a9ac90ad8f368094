//! Quota and usage of a tool.

use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{jobs::JobsQuota, reply::Named};

use crate::{app::quota::QuotaUsage, context::JobsContext, rights::JobsRead};

/// Show the quota of the tool and its usage.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/quotas", tag = "jobs", operation_id = "jobs.quota",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = Named<JobsQuota>)))]
pub async fn show(cx: JobsContext, tool: Authed<JobsRead>) -> ApiResult<JobsQuota> {
    let quota = cx.peers.fetch_quota(tool.id).await?;
    let (jobs, reservations) =
        (cx.store.list_jobs(tool.id).await?, cx.store.list_reservations(tool.id).await?);
    let used = QuotaUsage::from_jobs(&jobs, &reservations, None);
    Ok(ApiResponse::ok_named(JobsQuota { quota: used.to_quotas(&quota) }))
}
