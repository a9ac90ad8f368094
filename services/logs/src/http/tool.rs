//! What all jobs of a tool have written, in the order in which it arrived.

use axum::response::Response;
use hearth_kit::{Authed, Query, Refused, Reply};
use hearth_wire::{
    logs::{LogsEntry, LogsEvent, LogsList, LogsQuery},
    reply::Data,
};

use super::streamed::{Asked, page, streamed};
use crate::{app::Whose, cx::Cx, rights::LogsRead};

/// A page of what the jobs of a tool have written. Its text is as it was written, control characters included.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/logs", tag = "logs", operation_id = "logs.tool_list",
    params(("tool" = String, Path, description = "its name"), LogsQuery),
    responses((status = 200, body = Data<LogsList>),
        (status = 422, description = "a time, number or pattern that is none")))]
pub async fn list(cx: Cx, tool: Authed<LogsRead>, Query(query): Query<LogsQuery>) -> Reply<LogsList> {
    page(&cx, tool.id, &Whose::Tool, query).await
}

/// What the jobs of a tool have written last, and then each line as it is written, in the forms that a job's lines
/// come in.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/logs_stream", tag = "logs", operation_id = "logs.tool_stream",
    params(("tool" = String, Path, description = "its name"),
        ("Last-Event-ID" = Option<String>, Header, description = "the cursor of the last line seen"), LogsQuery),
    responses((status = 200, content((LogsEntry = "application/x-ndjson"), (LogsEvent = "text/event-stream"))),
        (status = 422, description = "a time, number or pattern that is none")))]
pub async fn stream(
    cx: Cx,
    tool: Authed<LogsRead>,
    Query(query): Query<LogsQuery>,
    asked: Asked,
) -> Result<Response, Refused> {
    streamed(cx, tool.id, Whose::Tool, query, asked).await
}
