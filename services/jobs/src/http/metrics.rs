//! What jobs use.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::JobName;
use hearth_kit::{Answer, Authed, Param, Query, Refused, Reply, telemetry::OPEN_METRICS};
use hearth_wire::{
    jobs::{MetricsOne, MetricsQuery},
    reply::Named,
};

use super::of;
use crate::{app, cx::Cx, rights::JobsRead};

/// What a job used: memory, processor time, containers side by side, restarts.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/metrics", tag = "jobs", operation_id = "jobs.metrics",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        MetricsQuery),
    responses((status = 200, body = Named<MetricsOne>), (status = 400, description = "a time that is not kept"),
        (status = 404, description = "there is no such job")))]
pub async fn of_job(
    cx: Cx,
    tool: Authed<JobsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<MetricsQuery>,
) -> Reply<MetricsOne> {
    let metrics = app::metrics::of_job(&cx, of(&tool), &job, query).await?;
    Ok(Answer::named(MetricsOne { metrics }))
}

/// What all jobs of a tool used together.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/metrics", tag = "jobs", operation_id = "jobs.tool_metrics",
    params(("tool" = String, Path, description = "its name"), MetricsQuery),
    responses((status = 200, body = Named<MetricsOne>), (status = 400, description = "a time that is not kept")))]
pub async fn of_tool(cx: Cx, tool: Authed<JobsRead>, Query(query): Query<MetricsQuery>) -> Reply<MetricsOne> {
    let metrics = app::metrics::of_tool(&cx, tool.id, query).await?;
    Ok(Answer::named(MetricsOne { metrics }))
}

/// What each job of a tool uses now, and has used, for Prometheus and its like.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/metrics/openmetrics", tag = "jobs",
    operation_id = "jobs.openmetrics",
    params(("tool" = String, Path, description = "its name")),
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub async fn for_collectors(cx: Cx, tool: Authed<JobsRead>) -> Result<Response, Refused> {
    let text = app::metrics::for_collectors(&cx, of(&tool)).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS))], text).into_response())
}
