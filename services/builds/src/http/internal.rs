//! What builders ask and tell, and nobody else may.

use std::time::Duration;

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use hearth_base::{BuildId, SourceId};
use hearth_kit::{Answer, Authed, Json, Param, Refused, Reply};
use hearth_wire::{
    builds::internal::{Beat, Beaten, Claim, Claimed, Finish},
    reply::{Done, Named},
};

use crate::{app, cx::Cx, rights::Make};

/// A build to make, as soon as there is one.
#[utoipa::path(post, path = "/builds/v1/internal/claims", tag = "internal", operation_id = "builds.internal_claim",
    request_body = Claim, responses((status = 200, body = Named<Claimed>)))]
pub async fn claim(cx: Cx, _: Authed<Make>, Json(claim): Json<Claim>) -> Reply<Claimed> {
    let lease = app::lease::claim(&cx, claim.builder, Duration::from_secs(claim.wait.min(25))).await?;
    Ok(Answer::named(Claimed { lease }))
}

/// A builder still works; it hears when to stop.
#[utoipa::path(post, path = "/builds/v1/internal/builds/{build}/beat", tag = "internal",
    operation_id = "builds.internal_beat", request_body = Beat,
    params(("build" = String, Path, description = "its id")),
    responses((status = 200, body = Named<Beaten>), (status = 409, description = "it is somebody else's by now")))]
pub async fn beat(
    cx: Cx,
    _: Authed<Make>,
    Param(build): Param<BuildId>,
    Json(beat): Json<Beat>,
) -> Reply<Beaten> {
    let patience = Duration::from_secs(beat.wait.min(20));
    let stop = app::lease::beat(&cx, build, beat, patience).await?;
    Ok(Answer::named(Beaten { stop }))
}

/// A build, or an attempt at it, is over.
#[utoipa::path(post, path = "/builds/v1/internal/builds/{build}/finish", tag = "internal",
    operation_id = "builds.internal_finish", request_body = Finish,
    params(("build" = String, Path, description = "its id")),
    responses((status = 200, body = Named<Done>), (status = 409, description = "it is somebody else's by now")))]
pub async fn finish(
    cx: Cx,
    _: Authed<Make>,
    Param(build): Param<BuildId>,
    Json(finish): Json<Finish>,
) -> Reply<Done> {
    app::lease::finish(&cx, build, &finish.ticket, finish.end).await?;
    Ok(Answer::named(Done {}))
}

/// The archive of an uploaded folder.
#[utoipa::path(get, path = "/builds/v1/internal/sources/{source}", tag = "internal",
    operation_id = "builds.internal_source", params(("source" = String, Path, description = "its id")),
    responses((status = 200, body = String, content_type = "application/gzip"),
        (status = 400, description = "it has been forgotten")))]
pub async fn source(cx: Cx, _: Authed<Make>, Param(source): Param<SourceId>) -> Result<Response, Refused> {
    let (source, content) = app::sources::content(&cx, source).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_LENGTH, source.size.to_string()),
    ];
    Ok((headers, Body::from_stream(content)).into_response())
}
