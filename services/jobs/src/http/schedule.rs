//! Schedules: history of due times, and preview of the next ones.

use hearth_base::JobName;
use hearth_kit::{ApiResponse, ApiResult, Authed, Param, Query};
use hearth_wire::{
    jobs::{DueHistory, SchedulePlanOne, ScheduleQuery},
    reply::{Named, Paging},
};

use super::to_scope;
use crate::{app, context::JobsContext, rights::JobsRead};

/// List the due times of a scheduled job, newest first, each with its outcome: ran, skipped or missed.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/history", tag = "jobs",
    operation_id = "jobs.history",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        Paging),
    responses((status = 200, body = Named<DueHistory>),
        (status = 400, description = "the job has no schedule"),
        (status = 404, description = "the job does not exist")))]
pub async fn show_history(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Param(job): Param<JobName>,
    Query(paging): Query<Paging>,
) -> ApiResult<DueHistory> {
    let page = app::scheduling::history::read_history(&cx, to_scope(&tool), &job, &paging).await?;
    Ok(ApiResponse::ok_named(DueHistory { history: page.items, next: page.next }))
}

/// Preview a schedule before it is saved: its five fields and its next due times.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/schedule", tag = "jobs", operation_id = "jobs.schedule",
    params(("tool" = String, Path, description = "name of the tool"), ScheduleQuery),
    responses((status = 200, body = Named<SchedulePlanOne>)))]
pub async fn preview_schedule(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Query(query): Query<ScheduleQuery>,
) -> ApiResult<SchedulePlanOne> {
    let schedule = app::scheduling::schedule::preview_schedule(&query, tool.id, cx.now())?;
    Ok(ApiResponse::ok_named(SchedulePlanOne { schedule }))
}
