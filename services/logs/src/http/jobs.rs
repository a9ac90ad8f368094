//! What a tool's jobs have written.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use hearth_base::{Error, JobName, Result};
use hearth_kit::{Answer, Authed, Param, Query, Refused, Reply};
use hearth_wire::{
    logs::{LogsEntry, LogsList, LogsQuery},
    reply::Data,
};
use prometheus_client::metrics::gauge::Gauge;

use crate::{
    app::{
        self,
        follow::{Follow, Said},
    },
    cx::Cx,
    rights::LogsRead,
};

/// A page of what a job has written. Its text is as it was written, control characters included.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/job/{job}/logs", tag = "logs", operation_id = "logs.list",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "which"),
        LogsQuery),
    responses((status = 200, body = Data<LogsList>), (status = 404, description = "it has written nothing"),
        (status = 422, description = "a time or number that is none")))]
pub async fn list(
    cx: Cx,
    tool: Authed<LogsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<LogsQuery>,
) -> Reply<LogsList> {
    let page = app::list(&cx, tool.id, &job, query).await?;
    let answer = page.info.into_iter().fold(Answer::of(page.list), Answer::info);
    Ok(page.warning.into_iter().fold(answer, Answer::warning))
}

/// What a job has written last, and then each line as it is written: a JSON object a line. It ends after a quarter
/// of an hour with a line that has no `pod`, and says where to go on.
#[utoipa::path(get, path = "/logs/v1/tool/{tool}/job/{job}/logs_stream", tag = "logs",
    operation_id = "logs.stream",
    params(("tool" = String, Path, description = "its name"), ("job" = String, Path, description = "which"),
        LogsQuery),
    responses((status = 200, body = LogsEntry, content_type = "application/x-ndjson"),
        (status = 404, description = "it has written nothing"),
        (status = 422, description = "a time or number that is none")))]
pub async fn stream(
    cx: Cx,
    tool: Authed<LogsRead>,
    Param(job): Param<JobName>,
    Query(query): Query<LogsQuery>,
) -> Result<Response, Refused> {
    let open = Open::new(&cx.counts.streams);
    let follow = app::follow::begin(cx, tool.id, job, query).await?;
    let lines = stream::unfold((follow, open), async |(mut follow, open)| {
        let said = said(&mut follow).await?;
        Some((said, (follow, open)))
    });
    let kind = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(lines)).into_response())
}

/// The next line as text.
async fn said(follow: &mut Follow) -> Option<Result<Bytes>> {
    let text = match follow.next().await? {
        Said::Entry(entry) => serde_json::to_vec(&entry),
        Said::End(end) => serde_json::to_vec(&end),
    };
    let line = text.map_err(Error::internal).map(|mut line| {
        line.push(b'\n');
        Bytes::from(line)
    });
    Some(line)
}

/// Counts a stream as long as it is open.
struct Open(Gauge);

impl Open {
    fn new(streams: &Gauge) -> Self {
        streams.inc();
        Self(streams.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
