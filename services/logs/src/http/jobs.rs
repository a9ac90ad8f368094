//! Endpoints of the lines of one job.

use axum::response::Response;
use hearth_base::JobName;
use hearth_kit::{ApiError, ApiResult, Authed, Param, Query};
use hearth_wire::{
    logs::{LogsEntry, LogsEvent, LogsList, LogsQuery},
    reply::Data,
};

use super::reply::{StreamRequest, reply_page, reply_stream};
use crate::{app::LogSelection, context::LogsContext, rights::LogsRead};

/// List a page of a job's lines. Their text is unmodified and may contain control characters.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/job/{job}/logs", tag = "logs", operation_id = "logs.list",
    params(("tool" = String, Path, description = "name of the tool"), ("job" = String, Path, description = "name of the job"),
        LogsQuery),
    responses((status = 200, body = Data<LogsList>), (status = 404, description = "the job has no log"),
        (status = 422, description = "a time, number or pattern is invalid")))]
pub async fn list(
    cx: LogsContext,
    tool: Authed<LogsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<LogsQuery>,
) -> ApiResult<LogsList> {
    reply_page(&cx, tool.id, &LogSelection::Job(job), query).await
}

/// Stream the last lines of a job and then each new line: one JSON object on each line, or one event each for
/// clients that accept `text/event-stream`. The stream ends after 15 minutes with a line without a `pod`, or
/// an event `end`; both have the cursor for the next request.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/job/{job}/logs_stream", tag = "logs",
    operation_id = "logs.stream",
    params(("tool" = String, Path, description = "name of the tool"), ("job" = String, Path, description = "name of the job"),
        ("Last-Event-ID" = Option<String>, Header, description = "cursor of the last line that was read"), LogsQuery),
    responses((status = 200, content((LogsEntry = "application/x-ndjson"), (LogsEvent = "text/event-stream"))),
        (status = 404, description = "the job has no log"),
        (status = 422, description = "a time, number or pattern is invalid")))]
pub async fn stream_lines(
    cx: LogsContext,
    tool: Authed<LogsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<LogsQuery>,
    request: StreamRequest,
) -> Result<Response, ApiError> {
    reply_stream(cx, tool.id, LogSelection::Job(job), query, request).await
}
