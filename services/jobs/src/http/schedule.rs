//! Schedules: what became of due times, and which come next.

use hearth_base::JobName;
use hearth_kit::{Answer, Authed, Param, Query, Reply};
use hearth_wire::{
    jobs::{History, SchedulePlanOne, ScheduleQuery},
    reply::{Named, Paging},
};

use super::of;
use crate::{app, cx::Cx, rights::JobsRead};

/// What became of a scheduled job's due times: each ran, was skipped or was missed.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/history", tag = "jobs",
    operation_id = "jobs.history",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        Paging),
    responses((status = 200, body = Named<History>), (status = 400, description = "it has no schedule"),
        (status = 404, description = "there is no such job")))]
pub async fn history(
    cx: Cx,
    tool: Authed<JobsRead>,
    Param(job): Param<JobName>,
    Query(paging): Query<Paging>,
) -> Reply<History> {
    let page = app::scheduling::history::of_job(&cx, of(&tool), &job, &paging).await?;
    Ok(Answer::named(History { history: page.items, next: page.next }))
}

/// What a schedule means, and when it would be due next: to look at before a job gets it.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/schedule", tag = "jobs", operation_id = "jobs.schedule",
    params(("tool" = String, Path, description = "its name"), ScheduleQuery),
    responses((status = 200, body = Named<SchedulePlanOne>)))]
pub async fn preview(
    cx: Cx,
    tool: Authed<JobsRead>,
    Query(query): Query<ScheduleQuery>,
) -> Reply<SchedulePlanOne> {
    let schedule = app::scheduling::schedule::preview(&query, tool.id, cx.now())?;
    Ok(Answer::named(SchedulePlanOne { schedule }))
}
