//! Endpoints for uploads.

use axum::body::{Body, HttpBody};
use hearth_kit::{ApiResponse, ApiResult, Authed};
use hearth_wire::{builds::SourceOne, reply::Named};

use super::views;
use crate::{app, context::BuildsContext, rights::BuildsWrite};

/// Upload a folder to build: a tar archive, compressed by gzip, as the body.
#[utoipa::path(post, path = "/builds/v1/tool/{tool}/sources", tag = "builds", operation_id = "builds.upload",
    params(("tool" = String, Path, description = "name of the tool")),
    request_body(content = String, content_type = "application/gzip"),
    responses((status = 201, body = Named<SourceOne>), (status = 413, description = "the archive is too large"),
        (status = 429, description = "the tool's uploads have reached their size limit")))]
pub async fn upload_source(cx: BuildsContext, tool: Authed<BuildsWrite>, body: Body) -> ApiResult<SourceOne> {
    let length = body.size_hint().exact();
    let source = app::sources::store_upload(&cx, tool.id, length, body.into_data_stream()).await?;
    Ok(ApiResponse::ok_named(SourceOne { source: views::render_source(&source) })
        .with_status(axum::http::StatusCode::CREATED))
}

/// Upload a folder to build; the same as POST, for clients that use PUT.
#[utoipa::path(put, path = "/builds/v1/tool/{tool}/sources", tag = "builds", operation_id = "builds.upload_put",
    params(("tool" = String, Path, description = "name of the tool")),
    request_body(content = String, content_type = "application/gzip"),
    responses((status = 201, body = Named<SourceOne>), (status = 413, description = "the archive is too large"),
        (status = 429, description = "the tool's uploads have reached their size limit")))]
pub async fn upload_source_by_put(
    cx: BuildsContext,
    tool: Authed<BuildsWrite>,
    body: Body,
) -> ApiResult<SourceOne> {
    upload_source(cx, tool, body).await
}
