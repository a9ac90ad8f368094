//! What other services say, and nobody else may.

use hearth_kit::{Answer, Authed, Json, Query, Reply};
use hearth_wire::{
    logs::internal::{LogsBatch, LogsPage, LogsRead, LogsTaken},
    reply::Data,
};

use crate::{app, cx::Cx, rights};

/// Lines of one container, in order. The answer comes when they are durable; sending them again changes nothing.
#[utoipa::path(post, path = "/logs/v1/internal/lines", tag = "internal", operation_id = "logs.internal_append",
    request_body = LogsBatch,
    responses((status = 200, body = Data<LogsTaken>), (status = 413, description = "send it in parts")))]
pub async fn append(cx: Cx, _: Authed<rights::Append>, Json(batch): Json<LogsBatch>) -> Reply<LogsTaken> {
    Ok(Answer::of(app::append(&cx, batch).await?))
}

/// Lines of a job or build; waits for the first when asked to.
#[utoipa::path(get, path = "/logs/v1/internal/lines", tag = "internal", operation_id = "logs.internal_show",
    params(LogsRead),
    responses((status = 200, body = Data<LogsPage>), (status = 422, description = "neither a job nor a build")))]
pub async fn show(cx: Cx, _: Authed<rights::Show>, Query(read): Query<LogsRead>) -> Reply<LogsPage> {
    Ok(Answer::of(app::show::show(&cx, read).await?))
}
