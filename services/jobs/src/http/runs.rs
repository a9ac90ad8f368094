//! Endpoints of a job's runs.

use std::{convert::Infallible, str::FromStr, time::Duration};

use axum::http::StatusCode;
use hearth_base::{Error, JobName, PathParam};
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, Query};
use hearth_wire::{
    jobs::{RunOne, RunQuery, RunsList, WaitSeconds},
    reply::{Done, Named, Paging},
};

use super::to_scope;
use crate::{
    app,
    context::JobsContext,
    rights::{JobsRead, JobsWrite},
};

/// The id of a run in a path. Any text is accepted: an invalid id names no run.
#[derive(Debug, Clone)]
pub struct RunIdParam(String);

impl FromStr for RunIdParam {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|never: Infallible| match never {})
    }
}

impl PathParam for RunIdParam {
    const PARAM_NAME: &'static str = "run";
}

/// List the runs of a job, newest first; for a continuous job, its containers.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs", tag = "jobs", operation_id = "jobs.run_list",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        Paging),
    responses((status = 200, body = Named<RunsList>),
        (status = 404, description = "the job does not exist")))]
pub async fn list(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Param(name): Param<JobName>,
    Query(paging): Query<Paging>,
) -> ApiResult<RunsList> {
    let job = cx
        .store
        .find_job(tool.id, &name)
        .await?
        .ok_or_else(|| app::definition::job_not_found_error(&name))?;
    let page = cx
        .store
        .list_runs(&job, paging.limit, paging.cursor.as_ref())
        .await?
        .map(app::runs::view::to_wire_run);
    Ok(ApiResponse::ok_named(RunsList { runs: page.items, next: page.next }))
}

/// Run a one-off or scheduled job now, with its current definition.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs", tag = "jobs", operation_id = "jobs.run_begin",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job")),
    responses((status = 201, body = Named<RunOne>), (status = 400, description = "the job is continuous"),
        (status = 404, description = "the job does not exist"),
        (status = 409, description = "the job is already running")))]
pub async fn begin(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(name): Param<JobName>,
) -> ApiResult<RunOne> {
    let run = app::jobs::restart::run_now(&cx, to_scope(&tool), &name).await?;
    let run =
        app::runs::view::to_wire_run(app::runs::find::find_run(&cx, to_scope(&tool), &name, &run).await?);
    Ok(ApiResponse::ok_named(RunOne { run }).with_status(StatusCode::CREATED))
}

/// Show a run. With `wait`, the response comes when the run has ended and its log is stored, or after that many
/// seconds.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs/{run}", tag = "jobs",
    operation_id = "jobs.run_show",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        ("run" = String, Path, description = "id of the run"), RunQuery),
    responses((status = 200, body = Named<RunOne>), (status = 404, description = "the run does not exist")))]
pub async fn show(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Param(name): Param<JobName>,
    Param(run): Param<RunIdParam>,
    Query(query): Query<RunQuery>,
) -> ApiResult<RunOne> {
    let timeout = Duration::from_secs(query.wait.map_or(0, WaitSeconds::as_seconds).into());
    let run = app::runs::find::wait_for_run_end(&cx, to_scope(&tool), &name, &run.0, timeout).await?;
    Ok(ApiResponse::ok_named(RunOne { run: app::runs::view::to_wire_run(run) }))
}

/// Stop a run of a one-off or scheduled job. A run that has ended does not change.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs/{run}/stop", tag = "jobs",
    operation_id = "jobs.run_stop",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        ("run" = String, Path, description = "id of the run")),
    responses((status = 200, body = Named<Done>),
        (status = 400, description = "the run belongs to a continuous job"),
        (status = 404, description = "the run does not exist")))]
pub async fn stop(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(name): Param<JobName>,
    Param(run): Param<RunIdParam>,
) -> ApiResult<Done> {
    app::jobs::stop::stop_run(&cx, to_scope(&tool), &name, &run.0).await?;
    Ok(ApiResponse::ok_named(Done {}))
}
