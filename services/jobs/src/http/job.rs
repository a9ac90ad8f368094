//! One job.

use hearth_base::JobName;
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    jobs::{JobOne, JobsQuery},
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
    let job = app::show::one(&cx, of(&tool), &job, query.include_unset.unwrap_or(true)).await?;
    Ok(Answer::named(JobOne { job }))
}

/// Stop and delete a job. Its name is free at once.
#[utoipa::path(delete, path = "/jobs/v1/tool/{tool}/jobs/{job}", tag = "jobs", operation_id = "jobs.delete",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<Done>), (status = 404, description = "there is no such job")))]
pub async fn delete(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<Done> {
    app::delete::one(&cx, of(&tool), &job).await?;
    Ok(Answer::named(Done {}))
}

/// Restart a job: a continuous one is replaced, the new before the old; a scheduled one runs now.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/restart", tag = "jobs",
    operation_id = "jobs.restart",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 200, body = Named<Done>), (status = 400, description = "a one-off job"),
        (status = 404, description = "there is no such job"), (status = 409, description = "it runs already")))]
pub async fn restart(cx: Cx, tool: Authed<JobsWrite>, Param(job): Param<JobName>) -> Reply<Done> {
    app::restart::restart(&cx, of(&tool), &job).await?;
    Ok(Answer::named(Done {}))
}
