//! What a build writes.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::StreamExt;
use hearth_base::{BuildId, Result};
use hearth_kit::{Authed, Param, Query, Refused, log_error};
use hearth_wire::builds::{BuildLogLine, BuildLogQuery};
use serde_json::json;

use crate::{app, cx::Cx, rights::BuildsRead};

/// A build's log, a JSON object on each line; followed, until the build is over.
#[utoipa::path(get, path = "/builds/v1/tool/{tool}/builds/{build}/logs", tag = "builds", operation_id = "builds.logs",
    params(("tool" = String, Path, description = "its name"), ("build" = String, Path, description = "its id"),
        BuildLogQuery),
    responses((status = 200, body = BuildLogLine, content_type = "text/plain"),
        (status = 404, description = "there is no such build")))]
pub async fn show(
    cx: Cx,
    tool: Authed<BuildsRead>,
    Param(build): Param<BuildId>,
    Query(query): Query<BuildLogQuery>,
) -> Result<Response, Refused> {
    let build = cx.store.build(tool.id, build).await?;
    let lines = app::logs::lines(cx, build, query.follow)?.map(|line| Ok::<_, Infallible>(written(line)));
    // As the published clients expect it; it is NDJSON.
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(lines)).into_response())
}

/// A line of the answer. The status is long sent: what goes wrong stands in the last line.
fn written(line: Result<BuildLogLine>) -> Bytes {
    let text = match line {
        Ok(line) => json!(line).to_string(),
        Err(error) => {
            log_error!(&error, "log of a build ended early");
            json!({ "message": error.public() }).to_string()
        }
    };
    Bytes::from(text + "\n")
}
