//! One job.

use hearth_base::JobName;
use hearth_kit::{Answer, Authed, Json, Param, Query, Reply, guard::Member};
use hearth_wire::{
    jobs::{JobOne, JobsQuery, ReplicasPut},
    reply::{Done, Named},
};

use super::of;
use crate::{
    app,
    cx::Cx,
    rights::{JobsRead, JobsWrite},
};

/// One job: what it is, and how.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}", tag = "jobs", operation_id = "jobs.show",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        JobsQuery),
    responses((status = 200, body = Named<JobOne>), (status = 404, description = "there is no such job")))]
pub async fn show(
    cx: Cx,
    tool: Authed<JobsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<JobsQuery>,
) -> Reply<JobOne> {
    let job = app::view::show::one(&cx, of(&tool), &job, query.include_unset.unwrap_or(true)).await?;
    Ok(Answer::named(JobOne { job }))
}

/// Stop and delete a job. Its name is free at once.
#[utoipa::path(delete, path = "/jobs/v1/tool/{tool}/jobs/{job}", tag = "jobs", operation_id = "jobs.delete",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "there is no such job")))]
pub async fn delete(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<Done> {
    app::jobs::delete::one(&cx, of(&tool), &job).await?;
    Ok(Answer::named(Done {}))
}

/// Restart a job: a continuous one is replaced, the new before the old; a scheduled one runs now.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/restart", tag = "jobs",
    operation_id = "jobs.restart",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<Done>), (status = 400, description = "a one-off job"),
        (status = 404, description = "there is no such job"), (status = 409, description = "it runs already")))]
pub async fn restart(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<Done> {
    app::jobs::restart::restart(&cx, of(&tool), &job).await?;
    Ok(Answer::named(Done {}))
}

/// Stop what runs of a job, which stays: a continuous one is paused, of others the present runs end.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/stop", tag = "jobs", operation_id = "jobs.stop",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<JobOne>), (status = 404, description = "there is no such job")))]
pub async fn stop(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<JobOne> {
    let changed = app::jobs::stop::stop(&cx, of(&tool), &job).await?;
    changed_job(&cx, &tool, &job, if changed { "is being stopped" } else { "does not run" }).await
}

/// Pause a job: nothing of a continuous one runs until it is resumed, due times of a scheduled one are left out, and
/// what runs of it goes on.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/pause", tag = "jobs", operation_id = "jobs.pause",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<JobOne>), (status = 400, description = "a one-off job"),
        (status = 404, description = "there is no such job")))]
pub async fn pause(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<JobOne> {
    let changed = app::jobs::pause::pause(&cx, of(&tool), &job).await?;
    changed_job(&cx, &tool, &job, if changed { "is paused" } else { "was paused already" }).await
}

/// Have a paused job go on.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/resume", tag = "jobs",
    operation_id = "jobs.resume",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<JobOne>), (status = 400, description = "a one-off job"),
        (status = 404, description = "there is no such job"),
        (status = 429, description = "more than the tool may use")))]
pub async fn resume(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<JobOne> {
    let changed = app::jobs::pause::resume(&cx, of(&tool), &job).await?;
    changed_job(&cx, &tool, &job, if changed { "goes on" } else { "was not paused" }).await
}

/// Change how many of a continuous job run side by side. Those that stay are not restarted.
#[utoipa::path(put, path = "/jobs/v1/tool/{tool}/jobs/{job}/replicas", tag = "jobs", operation_id = "jobs.scale",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    request_body = ReplicasPut,
    responses((status = 200, body = Named<JobOne>), (status = 400, description = "not a continuous job"),
        (status = 404, description = "there is no such job"),
        (status = 409, description = "somebody else changed it just now"),
        (status = 429, description = "more than the tool may use")))]
pub async fn scale(
    cx: Cx,
    tool: Authed<JobsWrite>,
    Param(job): Param<JobName>,
    Json(wanted): Json<ReplicasPut>,
) -> Reply<JobOne> {
    let changed = app::jobs::create::scale(&cx, of(&tool), &job, wanted.replicas).await?;
    changed_job(&cx, &tool, &job, if changed { "is changed" } else { "is as it was" }).await
}

/// A job after a change, with what was done in a sentence.
async fn changed_job(cx: &Cx, tool: &Member, name: &JobName, said: &str) -> Reply<JobOne> {
    let job = app::view::show::one(cx, of(tool), name, true).await?;
    Ok(Answer::named(JobOne { job }).info(format!("the job {name} {said}")))
}
