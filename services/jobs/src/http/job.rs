//! Endpoints of one job.

use hearth_base::JobName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Param, Query, guard::MemberCaller};
use hearth_wire::{
    jobs::{JobOne, JobsQuery, ReplicasPut},
    reply::{Done, Named},
};

use super::to_scope;
use crate::{
    app,
    context::JobsContext,
    rights::{JobsRead, JobsWrite},
};

/// Show a job with its status.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}", tag = "jobs", operation_id = "jobs.show",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        JobsQuery),
    responses((status = 200, body = Named<JobOne>), (status = 404, description = "the job does not exist")))]
pub async fn show(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<JobsQuery>,
) -> ApiResult<JobOne> {
    let job =
        app::view::show::show_job(&cx, to_scope(&tool), &job, query.include_unset.unwrap_or(true)).await?;
    Ok(ApiResponse::ok_named(JobOne { job }))
}

/// Stop and delete a job. Its name is free at once.
#[utoipa::path(delete, path = "/jobs/v1/tool/{tool}/jobs/{job}", tag = "jobs", operation_id = "jobs.delete",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "the job does not exist")))]
pub async fn delete(cx: JobsContext, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> ApiResult<Done> {
    app::jobs::delete::delete_job(&cx, to_scope(&tool), &job).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// Restart a job: containers of a continuous job are replaced, new ones first; a scheduled job runs now.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/restart", tag = "jobs",
    operation_id = "jobs.restart",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    responses((status = 200, body = Named<Done>), (status = 400, description = "the job is a one-off job"),
        (status = 404, description = "the job does not exist"),
        (status = 409, description = "the job is already running")))]
pub async fn restart(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(job): Param<JobName>,
) -> ApiResult<Done> {
    app::jobs::restart::restart(&cx, to_scope(&tool), &job).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// Stop the runs of a job without deleting it: a continuous job is paused, active runs of other jobs end.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/stop", tag = "jobs", operation_id = "jobs.stop",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    responses((status = 200, body = Named<JobOne>), (status = 404, description = "the job does not exist")))]
pub async fn stop(cx: JobsContext, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> ApiResult<JobOne> {
    let changed = app::jobs::stop::stop(&cx, to_scope(&tool), &job).await?;
    changed_job(&cx, &tool, &job, if changed { "is being stopped" } else { "is not running" }).await
}

/// Pause a job: a continuous job has no containers until it is resumed; due times of a scheduled job are
/// skipped, and its active runs continue.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/pause", tag = "jobs", operation_id = "jobs.pause",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    responses((status = 200, body = Named<JobOne>), (status = 400, description = "the job is a one-off job"),
        (status = 404, description = "the job does not exist")))]
pub async fn pause(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(job): Param<JobName>,
) -> ApiResult<JobOne> {
    let changed = app::jobs::pause::pause_job(&cx, to_scope(&tool), &job).await?;
    changed_job(&cx, &tool, &job, if changed { "is paused" } else { "is already paused" }).await
}

/// Resume a paused job.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/resume", tag = "jobs",
    operation_id = "jobs.resume",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    responses((status = 200, body = Named<JobOne>), (status = 400, description = "the job is a one-off job"),
        (status = 404, description = "the job does not exist"),
        (status = 429, description = "the quota is exceeded")))]
pub async fn resume(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(job): Param<JobName>,
) -> ApiResult<JobOne> {
    let changed = app::jobs::pause::resume_job(&cx, to_scope(&tool), &job).await?;
    changed_job(&cx, &tool, &job, if changed { "is resumed" } else { "is not paused" }).await
}

/// Set the number of replicas of a continuous job. Containers that stay are not restarted.
#[utoipa::path(put, path = "/jobs/v1/tool/{tool}/jobs/{job}/replicas", tag = "jobs", operation_id = "jobs.scale",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    request_body = ReplicasPut,
    responses((status = 200, body = Named<JobOne>), (status = 400, description = "the job is not continuous"),
        (status = 404, description = "the job does not exist"),
        (status = 409, description = "another request changed the job"),
        (status = 429, description = "the quota is exceeded")))]
pub async fn set_replicas(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(job): Param<JobName>,
    Json(wanted): Json<ReplicasPut>,
) -> ApiResult<JobOne> {
    let changed = app::jobs::create::set_replicas(&cx, to_scope(&tool), &job, wanted.replicas).await?;
    changed_job(&cx, &tool, &job, if changed { "is changed" } else { "is unchanged" }).await
}

/// Returns a job after a change, with a sentence about the change.
async fn changed_job(
    cx: &JobsContext,
    tool: &MemberCaller,
    name: &JobName,
    change: &str,
) -> ApiResult<JobOne> {
    let job = app::view::show::show_job(cx, to_scope(tool), name, true).await?;
    Ok(ApiResponse::ok_named(JobOne { job }).with_info(format!("job {name} {change}")))
}
