//! Usage of jobs.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::JobName;
use hearth_kit::{
    ApiError, ApiResponse, ApiResult, Authed, Param, Query, telemetry::OPEN_METRICS_MEDIA_TYPE,
};
use hearth_wire::{
    jobs::{MetricsOne, MetricsQuery},
    reply::Named,
};

use super::to_scope;
use crate::{app, context::JobsContext, rights::JobsRead};

/// Show the usage of a job: memory, disk, CPU time, containers, restarts.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/jobs/{job}/metrics", tag = "jobs", operation_id = "jobs.metrics",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        MetricsQuery),
    responses((status = 200, body = Named<MetricsOne>), (status = 400, description = "hours is out of range"),
        (status = 404, description = "the job does not exist")))]
pub async fn show_job_metrics(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<MetricsOne> {
    let metrics = app::metrics::read_job_metrics(&cx, to_scope(&tool), &job, query).await?;
    Ok(ApiResponse::ok_named(MetricsOne { metrics }))
}

/// Show the total usage of all jobs of a tool.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/metrics", tag = "jobs", operation_id = "jobs.tool_metrics",
    params(("tool" = String, Path, description = "name of the tool"), MetricsQuery),
    responses((status = 200, body = Named<MetricsOne>),
        (status = 400, description = "hours is out of range")))]
pub async fn show_tool_metrics(
    cx: JobsContext,
    tool: Authed<JobsRead>,
    Query(query): Query<MetricsQuery>,
) -> ApiResult<MetricsOne> {
    let metrics = app::metrics::read_tool_metrics(&cx, tool.id, query).await?;
    Ok(ApiResponse::ok_named(MetricsOne { metrics }))
}

/// Show the current and total usage of each job of a tool, for Prometheus and other collectors.
#[utoipa::path(get, path = "/jobs/v1/tool/{tool}/metrics/openmetrics", tag = "jobs",
    operation_id = "jobs.openmetrics",
    params(("tool" = String, Path, description = "name of the tool")),
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub async fn show_open_metrics(cx: JobsContext, tool: Authed<JobsRead>) -> Result<Response, ApiError> {
    let text = app::metrics::render_open_metrics(&cx, to_scope(&tool)).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS_MEDIA_TYPE))], text).into_response())
}
