//! Runs programs inside a job's container, over an upgraded connection.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, JobName};
use hearth_kit::{ApiError, Authed, Param, Query};
use hearth_wire::jobs::{EXEC_PROTOCOL, ExecQuery, WaitSeconds};
use hyper::upgrade::OnUpgrade;

use super::to_scope;
use crate::{app, context::JobsContext, rights::JobsWrite, workers::exec};

/// Run a program inside a container of the job. The connection is upgraded to `hearth-exec`, whose frames are
/// documented at `ExecFrame`. It is closed when the caller loses the right.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/exec", tag = "jobs", operation_id = "jobs.exec",
    params(("tool" = String, Path, description = "name of the tool"),
        ("job" = String, Path, description = "name of the job"),
        ExecQuery),
    responses((status = 101, description = "the connection speaks hearth-exec"),
        (status = 400, description = "the header Upgrade: hearth-exec is missing"),
        (status = 404, description = "the job does not exist"),
        (status = 409, description = "the job has no running container")))]
pub async fn open_exec_connection(
    cx: JobsContext,
    tool: Authed<JobsWrite>,
    Param(name): Param<JobName>,
    Query(query): Query<ExecQuery>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let requests_upgrade = request.headers().get(header::UPGRADE).is_some_and(|value| value == EXEC_PROTOCOL);
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>().filter(|_| requests_upgrade) else {
        return Err(Error::invalid("no-upgrade", "the request has no header Upgrade: hearth-exec")
            .help("hearth jobs exec")
            .into());
    };
    let access = exec::follow_access(&cx).await?;
    let timeout = Duration::from_secs(query.wait.map_or(0, WaitSeconds::as_seconds).into());
    app::exec::wait_until_running(&cx, to_scope(&tool), &name, timeout).await?;
    exec::serve_exec(&cx, &tool, name, access, upgrade);
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static(EXEC_PROTOCOL)),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}
