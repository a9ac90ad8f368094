//! Endpoints for other services: for builders of this Hearth, and events for `notify`. Those of reports are served to builders of release 0.1.0; newer ones use
//! `reports.rs`.

use std::time::Duration;

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{BuildId, SourceId};
use hearth_kit::{ApiError, ApiResponse, ApiResult, Authed, Json, Param, Query, blobs::ContentStream};
use hearth_wire::{
    builds::{
        events::BuildEvent,
        former_finish::FormerBuildFinish,
        internal::{
            BuildClaim, BuildClaimReply, BuildHeartbeat, BuildHeartbeatReply, RegistryToken,
            RegistryTokenCreate,
        },
    },
    events::{EventBatch, EventsQuery, Topic},
    reply::{Data, Done, Named},
};

use crate::{
    app,
    context::BuildsContext,
    rights::{LeaseBuilds, ReadBuildEvents},
    store::UploadedSource,
};

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
    operation_id = "builds.internal_finish", request_body = FormerBuildFinish,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<Done>), (status = 409, description = "the lease is lost")))]
pub async fn finish_lease(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Param(build): Param<BuildId>,
    Json(finish): Json<FormerBuildFinish>,
) -> ApiResult<Done> {
    app::lease::finish_lease(&cx, build, finish.into()).await?;
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
    Ok(render_source_archive(&source, content))
}

/// Renders the archive of an uploaded folder.
pub fn render_source_archive(source: &UploadedSource, content: ContentStream) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_LENGTH, source.size.to_string()),
    ];
    (headers, Body::from_stream(content)).into_response()
}

/// Create a token of the registry for the holder of a lease. It ends with the lease.
#[utoipa::path(post, path = "/builds/v1/internal/builds/{build}/registry-token", tag = "internal",
    operation_id = "builds.internal_registry_token", request_body = RegistryTokenCreate,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 201, body = Named<RegistryToken>), (status = 404, description = "the build does not exist"),
        (status = 409, description = "the lease is lost")))]
pub async fn create_registry_token(
    cx: BuildsContext,
    _: Authed<LeaseBuilds>,
    Param(build): Param<BuildId>,
    Json(create): Json<RegistryTokenCreate>,
) -> ApiResult<RegistryToken> {
    let token = app::credentials::create_registry_token(&cx, build, create).await?;
    Ok(ApiResponse::ok_named(token).with_status(StatusCode::CREATED))
}

/// Read events about ended builds, in order. Waits for the next event when `wait` is set.
#[utoipa::path(get, path = "/builds/v1/internal/events/builds", tag = "internal",
    operation_id = "builds.internal_events_builds", params(EventsQuery),
    responses((status = 200, body = Data<EventBatch>),
        (status = 409, description = "the cursor is older than the oldest event")))]
pub async fn read_build_events(
    cx: BuildsContext,
    _: Authed<ReadBuildEvents>,
    Query(after): Query<EventsQuery>,
) -> ApiResult<EventBatch> {
    Ok(ApiResponse::ok(cx.store.events.read(BuildEvent::TOPIC_INFO, &after).await?))
}
