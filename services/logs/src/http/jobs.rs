//! What one job has written.

use axum::response::Response;
use hearth_base::JobName;
use hearth_kit::{Authed, Param, Query, Refused, Reply};
use hearth_wire::{
    logs::{LogsEntry, LogsEvent, LogsList, LogsQuery},
    reply::Data,
};

use super::streamed::{Asked, page, streamed};
use crate::{app::Whose, cx::Cx, rights::LogsRead};

/// A page of what a job has written. Its text is as it was written, control characters included.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/job/{job}/logs", tag = "logs", operation_id = "logs.list",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "which"),
        LogsQuery),
    responses((status = 200, body = Data<LogsList>), (status = 404, description = "it has written nothing"),
        (status = 422, description = "a time, number or pattern that is none")))]
pub async fn list(
    cx: Cx,
    tool: Authed<LogsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<LogsQuery>,
) -> Reply<LogsList> {
    page(&cx, tool.id, &Whose::Job(job), query).await
}

/// What a job has written last, and then each line as it is written: a JSON object a line, or an event each for those
/// who accept `text/event-stream`. It ends after a quarter of an hour with a line that has no `pod`, or an event
/// `end`, that says where to go on.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/job/{job}/logs_stream", tag = "logs",
    operation_id = "logs.stream",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "which"),
        ("Last-Event-ID" = Option<String>, Header, description = "the cursor of the last line seen"), LogsQuery),
    responses((status = 200, content((LogsEntry = "application/x-ndjson"), (LogsEvent = "text/event-stream"))),
        (status = 404, description = "it has written nothing"),
        (status = 422, description = "a time, number or pattern that is none")))]
pub async fn stream(
    cx: Cx,
    tool: Authed<LogsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<LogsQuery>,
    asked: Asked,
) -> Result<Response, Refused> {
    streamed(cx, tool.id, Whose::Job(job), query, asked).await
}
