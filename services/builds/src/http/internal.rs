//! Endpoints for builders only.

use std::time::Duration;

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use hearth_base::{BuildId, SourceId};
use hearth_kit::{ApiError, ApiResponse, ApiResult, Authed, Json, Param};
use hearth_wire::{
    builds::internal::{BuildClaim, BuildClaimReply, BuildFinish, BuildHeartbeat, BuildHeartbeatReply},
    reply::{Done, Named},
};

use crate::{app, context::BuildsContext, rights::LeaseBuilds};

/// Claim a build. Waits for one when `wait` is set.
#[utoipa::path(post, path = "/builds/v1/internal/claims", tag = "internal", operation_id = "builds.internal_claim",
    request_body = BuildClaim, responses((status = 200, body = Named<BuildClaimReply>)))]
pub async fn claim_build(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Json(claim): Json<BuildClaim>,
) -> ApiResult<BuildClaimReply> {
    let timeout = Duration::from_secs(claim.wait.min(25));
    let lease = app::claim::claim_build(&cx, claim, timeout).await?;
    Ok(ApiResponse::ok_named(BuildClaimReply { lease }))
}

/// Extend a lease. The response says whether to stop the build.
#[utoipa::path(post, path = "/builds/v1/internal/builds/{build}/beat", tag = "internal",
    operation_id = "builds.internal_beat", request_body = BuildHeartbeat,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<BuildHeartbeatReply>), (status = 409, description = "the lease is lost")))]
pub async fn heartbeat(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Param(build): Param<BuildId>,
    Json(beat): Json<BuildHeartbeat>,
) -> ApiResult<BuildHeartbeatReply> {
    let timeout = Duration::from_secs(beat.wait.min(20));
    let stop = app::lease::record_heartbeat(&cx, build, beat, timeout).await?;
    Ok(ApiResponse::ok_named(BuildHeartbeatReply { stop }))
}

/// End a lease with the outcome of the build or of the attempt.
#[utoipa::path(post, path = "/builds/v1/internal/builds/{build}/finish", tag = "internal",
    operation_id = "builds.internal_finish", request_body = BuildFinish,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<Done>), (status = 409, description = "the lease is lost")))]
pub async fn finish_lease(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Param(build): Param<BuildId>,
    Json(finish): Json<BuildFinish>,
) -> ApiResult<Done> {
    app::lease::finish_lease(&cx, build, finish).await?;
    Ok(ApiResponse::ok_named(Done {}))
}

/// Download the archive of an uploaded folder.
#[utoipa::path(get, path = "/builds/v1/internal/sources/{source}", tag = "internal",
    operation_id = "builds.internal_source", params(("source" = String, Path, description = "id of the upload")),
    responses((status = 200, body = String, content_type = "application/gzip"),
        (status = 400, description = "the upload does not exist or has expired")))]
pub async fn download_source(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Param(source): Param<SourceId>,
) -> Result<Response, ApiError> {
    let (source, content) = app::sources::open_source(&cx, source).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_LENGTH, source.size.to_string()),
    ];
    Ok((headers, Body::from_stream(content)).into_response())
}
