//! Endpoints for other services.

use hearth_kit::{ApiResponse, ApiResult, Authed, Json, Query};
use hearth_wire::{
    logs::internal::{LogsBatch, LogsPage, LogsReadQuery, LogsTaken},
    reply::Data,
};

use crate::{app, context::LogsContext, rights};

/// Append lines of one container, in order. The response is sent after they are durable. A repeated request
/// changes nothing.
#[utoipa::path(post, path = "/logs/v1/internal/lines", tag = "internal", operation_id = "logs.internal_append",
    request_body = LogsBatch,
    responses((status = 200, body = Data<LogsTaken>), (status = 413, description = "the batch is too large")))]
pub async fn append_log_batch(
    cx: LogsContext,
    _: Authed<rights::AppendLogs>,
    Json(batch): Json<LogsBatch>,
) -> ApiResult<LogsTaken> {
    Ok(ApiResponse::ok(app::append_lines(&cx, batch).await?))
}

/// Read lines of a job or build. With `wait`, the response comes after the first one.
#[utoipa::path(get, path = "/logs/v1/internal/lines", tag = "internal", operation_id = "logs.internal_show",
    params(LogsReadQuery),
    responses((status = 200, body = Data<LogsPage>), (status = 422, description = "the query names neither a job nor a build")))]
pub async fn show_log_page(
    cx: LogsContext,
    _: Authed<rights::ShowLogsForService>,
    Query(read): Query<LogsReadQuery>,
) -> ApiResult<LogsPage> {
    Ok(ApiResponse::ok(app::show::show(&cx, read).await?))
}
