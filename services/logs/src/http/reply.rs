//! Response formats for log lines: a JSON page, newline-delimited JSON, server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use hearth_base::{Error, PageCursor, Result, ToolId};
use hearth_kit::{ApiError, ApiResponse, ApiResult};
use hearth_wire::logs::{LogsList, LogsQuery};
use prometheus_client::metrics::gauge::Gauge;

use crate::{
    app::{self, LogSelection, follow::StreamItem},
    context::LogsContext,
};

/// The pause after which a browser reopens a stream that Hearth has ended.
const BROWSER_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The headers of a request for a stream.
pub struct StreamRequest {
    /// True if the client accepts server-sent events (HTML standard).
    accepts_events: bool,
    /// The id of the last received event.
    last_event_id: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for StreamRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accepts_events =
            read_header(&parts.headers, "accept").is_some_and(|kinds| kinds.contains("text/event-stream"));
        Ok(Self {
            accepts_events,
            last_event_id: read_header(&parts.headers, "last-event-id").map(str::to_owned),
        })
    }
}

fn read_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// Replies with a page and its messages.
pub async fn reply_page(
    cx: &LogsContext,
    tool: ToolId,
    selection: &LogSelection,
    query: LogsQuery,
) -> ApiResult<LogsList> {
    let page = app::list(cx, tool, selection, query).await?;
    let answer = page.info.into_iter().fold(ApiResponse::ok(page.list), ApiResponse::with_info);
    Ok(page.warning.into_iter().fold(answer, ApiResponse::with_warning))
}

/// Replies with a stream in the requested format.
pub async fn reply_stream(
    cx: LogsContext,
    tool: ToolId,
    selection: LogSelection,
    mut query: LogsQuery,
    request: StreamRequest,
) -> Result<Response, ApiError> {
    let open = OpenStreamGuard::new(&cx.metrics.streams);
    if let Some(last) = request.last_event_id {
        // A browser reopens a stream with the URL of its first request: the header overrides the cursor of the query.
        query.cursor = Some(PageCursor::after_key(last));
    }
    let follower = app::follow::open_follower(cx, tool, selection, query).await?;
    let items = stream::unfold((follower, open), async |(mut follower, open)| {
        let item = follower.next_item().await?;
        Some((item, (follower, open)))
    });
    if request.accepts_events {
        return Ok(Sse::new(items.map(to_event)).keep_alive(KeepAlive::default()).into_response());
    }
    let kind = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(items.map(|item| to_json_line(&item))))
        .into_response())
}

fn to_json_line(item: &StreamItem) -> Result<Bytes> {
    let text = match item {
        StreamItem::Entry(entry) => serde_json::to_vec(entry),
        StreamItem::End(end) => serde_json::to_vec(end),
    };
    let mut line = text.map_err(Error::internal)?;
    line.push(b'\n');
    Ok(Bytes::from(line))
}

fn to_event(item: StreamItem) -> Result<Event> {
    match item {
        StreamItem::Entry(entry) => {
            let id = entry.cursor.to_string();
            Event::default().id(id).json_data(entry).map_err(Error::internal)
        }
        StreamItem::End(end) => {
            let event = Event::default().event("end").retry(BROWSER_RETRY_DELAY);
            let event = match &end.cursor {
                Some(cursor) => event.id(cursor.to_string()),
                None => event,
            };
            event.json_data(end).map_err(Error::internal)
        }
    }
}

/// Counts an open stream in the metrics until it is dropped.
struct OpenStreamGuard(Gauge);

impl OpenStreamGuard {
    fn new(streams: &Gauge) -> Self {
        streams.inc();
        Self(streams.clone())
    }
}

impl Drop for OpenStreamGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
