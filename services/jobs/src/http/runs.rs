//! Runs of a job.

use std::{convert::Infallible, str::FromStr, time::Duration};

use axum::http::StatusCode;
use hearth_base::{Error, JobName, PathParam};
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    jobs::{RunOne, RunQuery, RunsList, Wait},
    reply::{Done, Named, Paging},
};

use super::of;
use crate::{
    app,
    cx::Cx,
    rights::{JobsRead, JobsWrite},
};

/// The id of a run in a path: any text, for one that is none names no run.
#[derive(Debug, Clone)]
pub struct RunText(String);

impl FromStr for RunText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|never: Infallible| match never {})
    }
}

impl PathParam for RunText {
    const PARAM: &'static str = "run";
}

/// Runs of a job, the newest first; of a continuous one, its containers.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs", tag = "jobs", operation_id = "jobs.run_list",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        Paging),
    responses((status = 200, body = Named<RunsList>), (status = 404, description = "there is no such job")))]
pub async fn list(
    cx: Cx,
    tool: Authed<JobsRead>,
    Param(name): Param<JobName>,
    Query(paging): Query<Paging>,
) -> Reply<RunsList> {
    let job = cx.store.job(tool.id, &name).await?.ok_or_else(|| app::definition::no_such_job(&name))?;
    let page = cx.store.runs(&job, paging.limit, paging.cursor.as_ref()).await?.map(app::runs::view::run);
    Ok(Answer::named(RunsList { runs: page.items, next: page.next }))
}

/// Run a one-off or scheduled job now, as it is defined.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs", tag = "jobs", operation_id = "jobs.run_begin",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name")),
    responses((status = 201, body = Named<RunOne>), (status = 400, description = "a continuous job"),
        (status = 404, description = "there is no such job"), (status = 409, description = "it runs already")))]
pub async fn begin(cx: Cx, tool: Authed<JobsWrite>, Param(name): Param<JobName>) -> Reply<RunOne> {
    let run = app::jobs::restart::again(&cx, of(&tool), &name).await?;
    let run = app::runs::view::run(app::runs::find::find(&cx, of(&tool), &name, &run).await?);
    Ok(Answer::named(RunOne { run }).status(StatusCode::CREATED))
}

/// One run. With `wait`, as soon as it is over and its log is kept; as it is after so many seconds, to be asked again.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs/{run}", tag = "jobs",
    operation_id = "jobs.run_show",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        ("run" = String, Path, description = "its id"), RunQuery),
    responses((status = 200, body = Named<RunOne>), (status = 404, description = "there is no such run")))]
pub async fn show(
    cx: Cx,
    tool: Authed<JobsRead>,
    Param(name): Param<JobName>,
    Param(run): Param<RunText>,
    Query(query): Query<RunQuery>,
) -> Reply<RunOne> {
    let patience = Duration::from_secs(query.wait.map_or(0, Wait::seconds).into());
    let run = app::runs::find::wait(&cx, of(&tool), &name, &run.0, patience).await?;
    Ok(Answer::named(RunOne { run: app::runs::view::run(run) }))
}

/// Stop a run of a one-off or scheduled job. One that is over stays as it is.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/runs/{run}/stop", tag = "jobs",
    operation_id = "jobs.run_stop",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        ("run" = String, Path, description = "its id")),
    responses((status = 200, body = Named<Done>), (status = 400, description = "one of a continuous job"),
        (status = 404, description = "there is no such run")))]
pub async fn stop(
    cx: Cx,
    tool: Authed<JobsWrite>,
    Param(name): Param<JobName>,
    Param(run): Param<RunText>,
) -> Reply<Done> {
    app::jobs::stop::stop_run(&cx, of(&tool), &name, &run.0).await?;
    Ok(Answer::named(Done {}))
}
