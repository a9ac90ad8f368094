//! Uploads.

use axum::body::Body;
use hearth_kit::{Answer, Authed, Reply};
use hearth_wire::{builds::SourceOne, reply::Named};

use super::views;
use crate::{app, cx::Cx, rights::BuildsWrite};

/// Upload a folder to build: an archive (tar, compressed by gzip) as the body.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/sources", tag = "builds", operation_id = "builds.upload",
    params(("tool" = String, Path, description = "its name")),
    request_body(content = String, content_type = "application/gzip"),
    responses((status = 201, body = Named<SourceOne>), (status = 413, description = "it is too large"),
        (status = 429, description = "the tool's uploads hold as much as they may")))]
pub async fn add(cx: Cx, tool: Authed<BuildsWrite>, body: Body) -> Reply<SourceOne> {
    let source = app::sources::add(&cx, tool.id, body.into_data_stream()).await?;
    Ok(Answer::named(SourceOne { source: views::source(&source) }).status(axum::http::StatusCode::CREATED))
}

/// The same, for clients that PUT.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/sources", tag = "builds", operation_id = "builds.upload_put",
    params(("tool" = String, Path, description = "its name")),
    request_body(content = String, content_type = "application/gzip"),
    responses((status = 201, body = Named<SourceOne>), (status = 413, description = "it is too large"),
        (status = 429, description = "the tool's uploads hold as much as they may")))]
pub async fn put(cx: Cx, tool: Authed<BuildsWrite>, body: Body) -> Reply<SourceOne> {
    add(cx, tool, body).await
}
