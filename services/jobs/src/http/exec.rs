//! A program run inside a job's container, on a connection that is upgraded.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, JobName};
use hearth_kit::{Authed, Param, Query, Refused};
use hearth_wire::jobs::{EXEC_PROTOCOL, ExecQuery, Wait};
use hyper::upgrade::OnUpgrade;

use super::of;
use crate::{app, cx::Cx, rights::JobsWrite, workers::exec};

/// Run a program inside a container of the job. The connection is upgraded to `hearth-exec`; what goes over it is
/// in the documentation of `ExecFrame`. It ends when the caller's right does.
#[utoipa::path(post, path = "/jobs/v1/tool/{tool}/jobs/{job}/exec", tag = "jobs", operation_id = "jobs.exec",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "its name"),
        ExecQuery),
    responses((status = 101, description = "hearth-exec from here on"),
        (status = 400, description = "no Upgrade: hearth-exec"),
        (status = 404, description = "there is no such job"), (status = 409, description = "it does not run")))]
pub async fn open(
    cx: Cx,
    tool: Authed<JobsWrite>,
    Param(name): Param<JobName>,
    Query(query): Query<ExecQuery>,
    mut request: Request,
) -> Result<Response, Refused> {
    let asked = request.headers().get(header::UPGRADE).is_some_and(|value| value == EXEC_PROTOCOL);
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>().filter(|_| asked) else {
        return Err(Error::invalid("no-upgrade", "a program is run on a connection upgraded to hearth-exec")
            .help("hearth jobs exec")
            .into());
    };
    let patience = Duration::from_secs(query.wait.map_or(0, Wait::seconds).into());
    app::exec::must_run(&cx, of(&tool), &name, patience).await?;
    exec::serve(&cx, &tool, name, upgrade);
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static(EXEC_PROTOCOL)),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}
