//! Endpoints for reports of builders: the one API of this Hearth's builders and of outside ones. A builder of this Hearth
//! sends the ticket of its lease; an outside builder has the credential of its build.

use std::time::Duration;

use axum::response::Response;
use hearth_base::{BuildId, Error, Result};
use hearth_kit::{ApiError, ApiResponse, ApiResult, Authed, Json, Param, guard::ReportingCaller};
use hearth_wire::{
    builds::internal::{BuildFinish, BuildHeartbeat, BuildHeartbeatReply, BuildLogReport, BuildLogReported},
    reply::{Done, Named},
};

use super::internal::render_source_archive;
use crate::{
    app::{
        self,
        outside::report::{self, Reporter},
    },
    context::BuildsContext,
    rights::ReportBuilds,
};

/// Longest wait of a heartbeat, in seconds.
pub const MAX_HEARTBEAT_WAIT_SECONDS: u64 = 20;
/// Largest report of log lines, in bytes.
pub const MAX_LOG_REPORT_BYTES: u64 = 4 << 20;

/// Report that a build goes on, and its step. The response says whether to stop it.
#[utoipa::path(post, path = "/builds/v1/reports/{build}/heartbeat", tag = "builds",
    operation_id = "builds.report_heartbeat", request_body = BuildHeartbeat,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<BuildHeartbeatReply>),
        (status = 409, description = "the build or the lease has ended")))]
pub async fn heartbeat(
    cx: BuildsContext,
    caller: Authed<ReportBuilds>,
    Param(build): Param<BuildId>,
    Json(beat): Json<BuildHeartbeat>,
) -> ApiResult<BuildHeartbeatReply> {
    let timeout = Duration::from_secs(beat.wait.min(MAX_HEARTBEAT_WAIT_SECONDS));
    let stop = match find_reporter(&caller) {
        Some(reporter) => report::record_heartbeat(&cx, reporter, build, beat, timeout).await?,
        None => app::lease::record_heartbeat(&cx, build, beat, timeout).await?,
    };
    Ok(ApiResponse::ok_named(BuildHeartbeatReply { stop }))
}

/// Send lines of a build's log. This Hearth's own builders send theirs to `logs`.
#[utoipa::path(post, path = "/builds/v1/reports/{build}/log", tag = "builds",
    operation_id = "builds.report_log", request_body = BuildLogReport,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<BuildLogReported>), (status = 409, description = "the build has ended")))]
pub async fn send_log_lines(
    cx: BuildsContext,
    caller: Authed<ReportBuilds>,
    Param(build): Param<BuildId>,
    Json(lines): Json<BuildLogReport>,
) -> ApiResult<BuildLogReported> {
    let reporter = require_reporter(&caller)?;
    Ok(ApiResponse::ok_named(report::store_log_lines(&cx, reporter, build, lines).await?))
}

/// Report the outcome of a build or of an attempt.
#[utoipa::path(post, path = "/builds/v1/reports/{build}/finish", tag = "builds",
    operation_id = "builds.report_finish", request_body = BuildFinish,
    params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = Named<Done>), (status = 400, description = "the image has not been pushed"),
        (status = 409, description = "the build or the lease has ended")))]
pub async fn finish_build(
    cx: BuildsContext,
    caller: Authed<ReportBuilds>,
    Param(build): Param<BuildId>,
    Json(finish): Json<BuildFinish>,
) -> ApiResult<Done> {
    match find_reporter(&caller) {
        Some(reporter) => report::finish_build(&cx, reporter, build, finish).await?,
        None => app::lease::finish_lease(&cx, build, finish).await?,
    }
    Ok(ApiResponse::ok_named(Done {}))
}

/// Download the archive of the uploaded folder that a build is made from.
#[utoipa::path(get, path = "/builds/v1/reports/{build}/source", tag = "builds",
    operation_id = "builds.report_source", params(("build" = String, Path, description = "id of the build")),
    responses((status = 200, body = String, content_type = "application/gzip"),
        (status = 400, description = "the build has no upload, or it has expired"),
        (status = 409, description = "the build has ended")))]
pub async fn download_source(
    cx: BuildsContext,
    caller: Authed<ReportBuilds>,
    Param(build): Param<BuildId>,
) -> Result<Response, ApiError> {
    let reporter = require_reporter(&caller)?;
    let (source, content) = report::open_build_source(&cx, reporter, build).await?;
    Ok(render_source_archive(&source, content))
}

/// Returns the outside builder that reports; `None` for a builder of this Hearth.
fn find_reporter(caller: &ReportingCaller) -> Option<Reporter> {
    match caller {
        ReportingCaller::Service => None,
        ReportingCaller::Build { id, credential } => Some(Reporter { build: *id, credential: *credential }),
    }
}

fn require_reporter(caller: &ReportingCaller) -> Result<Reporter> {
    find_reporter(caller).ok_or_else(|| {
        Error::invalid("no-credential", "this report needs the credential of an outside builder")
    })
}
