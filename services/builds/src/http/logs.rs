//! Endpoint for a build's log.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::StreamExt;
use hearth_base::{BuildId, Result};
use hearth_kit::{ApiError, Authed, Param, Query, log_error};
use hearth_wire::builds::{BuildLogLine, BuildLogQuery};
use serde_json::json;

use crate::{app, context::BuildsContext, rights::BuildsRead};

/// Read a build's log, one JSON object per line. With `follow`, the response continues until the build has
/// ended.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds/{build}/logs", tag = "builds", operation_id = "builds.logs",
    params(("tool" = String, Path, description = "name of the tool"), ("build" = String, Path, description = "id of the build"),
        BuildLogQuery),
    responses((status = 200, body = BuildLogLine, content_type = "text/plain"),
        (status = 404, description = "the build does not exist")))]
pub async fn show(
    cx: BuildsContext,
    tool: Authed<BuildsRead>,
    Param(build): Param<BuildId>,
    Query(query): Query<BuildLogQuery>,
) -> Result<Response, ApiError> {
    let build = cx.store.find_build(tool.id, build).await?;
    let lines = app::logs::stream_log_lines(cx, build, query.follow)?
        .map(|line| Ok::<_, Infallible>(encode_line(line)));
    // The published clients expect this type; the content is NDJSON.
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(lines)).into_response())
}

/// Encodes a line of the response. The status has been sent already, so an error becomes the last line.
fn encode_line(line: Result<BuildLogLine>) -> Bytes {
    let text = match line {
        Ok(line) => json!(line).to_string(),
        Err(error) => {
            log_error!(&error, "log of a build ended early");
            json!({ "message": error.public_message() }).to_string()
        }
    };
    Bytes::from(text + "\n")
}
