//! Endpoints of the lines of all jobs of a tool, in the order of their arrival.

use axum::response::Response;
use hearth_kit::{ApiError, ApiResult, Authed, Query};
use hearth_wire::{
    logs::{LogsEntry, LogsEvent, LogsList, LogsQuery},
    reply::Data,
};

use super::reply::{StreamRequest, reply_page, reply_stream};
use crate::{app::LogSelection, context::LogsContext, rights::LogsRead};

/// List a page of the lines of all jobs of a tool. Their text is unmodified and may contain control characters.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/logs", tag = "logs", operation_id = "logs.tool_list",
    params(("tool" = String, Path, description = "name of the tool"), LogsQuery),
    responses((status = 200, body = Data<LogsList>),
        (status = 422, description = "a time, number or pattern is invalid")))]
pub async fn list(
    cx: LogsContext,
    tool: Authed<LogsRead>,
    Query(query): Query<LogsQuery>,
) -> ApiResult<LogsList> {
    reply_page(&cx, tool.id, &LogSelection::Tool, query).await
}

/// Stream the last lines of all jobs of a tool and then each new line, in the formats of a job's stream.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/logs_stream", tag = "logs", operation_id = "logs.tool_stream",
    params(("tool" = String, Path, description = "name of the tool"),
        ("Last-Event-ID" = Option<String>, Header, description = "cursor of the last line that was read"), LogsQuery),
    responses((status = 200, content((LogsEntry = "application/x-ndjson"), (LogsEvent = "text/event-stream"))),
        (status = 422, description = "a time, number or pattern is invalid")))]
pub async fn stream_lines(
    cx: LogsContext,
    tool: Authed<LogsRead>,
    Query(query): Query<LogsQuery>,
    request: StreamRequest,
) -> Result<Response, ApiError> {
    reply_stream(cx, tool.id, LogSelection::Tool, query, request).await
}
