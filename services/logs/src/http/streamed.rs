//! The forms in which lines are answered: a page, a JSON object a line, server-sent events.

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
use hearth_base::{Cursor, Error, Result, ToolId};
use hearth_kit::{Answer, Refused, Reply};
use hearth_wire::logs::{LogsList, LogsQuery};
use prometheus_client::metrics::gauge::Gauge;

use crate::{
    app::{self, Whose, follow::Said},
    cx::Cx,
};

/// How long a browser waits before it goes on with a stream that Hearth has ended.
const RETRY: Duration = Duration::from_secs(1);

/// What a request for a stream says beside its query.
pub struct Asked {
    /// Server-sent events are wanted, as the HTML standard has them.
    events: bool,
    /// The last event that was seen.
    last: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let events = text(&parts.headers, "accept").is_some_and(|kinds| kinds.contains("text/event-stream"));
        Ok(Self { events, last: text(&parts.headers, "last-event-id").map(str::to_owned) })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// A page, with what is to be said about it.
pub async fn page(cx: &Cx, tool: ToolId, whose: &Whose, query: LogsQuery) -> Reply<LogsList> {
    let page = app::list(cx, tool, whose, query).await?;
    let answer = page.info.into_iter().fold(Answer::of(page.list), Answer::info);
    Ok(page.warning.into_iter().fold(answer, Answer::warning))
}

/// A stream in the form that was asked for.
pub async fn streamed(
    cx: Cx,
    tool: ToolId,
    whose: Whose,
    mut query: LogsQuery,
    asked: Asked,
) -> Result<Response, Refused> {
    let open = Open::new(&cx.counts.streams);
    if let Some(last) = asked.last {
        // Whoever comes back asks with the address that it began with.
        query.cursor = Some(Cursor::after(last));
    }
    let follow = app::follow::begin(cx, tool, whose, query).await?;
    let said = stream::unfold((follow, open), async |(mut follow, open)| {
        let said = follow.next().await?;
        Some((said, (follow, open)))
    });
    if asked.events {
        return Ok(Sse::new(said.map(event)).keep_alive(KeepAlive::default()).into_response());
    }
    let kind = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(said.map(|said| line(&said)))).into_response())
}

fn line(said: &Said) -> Result<Bytes> {
    let text = match said {
        Said::Entry(entry) => serde_json::to_vec(entry),
        Said::End(end) => serde_json::to_vec(end),
    };
    let mut line = text.map_err(Error::internal)?;
    line.push(b'\n');
    Ok(Bytes::from(line))
}

fn event(said: Said) -> Result<Event> {
    match said {
        Said::Entry(entry) => {
            let id = entry.cursor.to_string();
            Event::default().id(id).json_data(entry).map_err(Error::internal)
        }
        Said::End(end) => {
            let event = Event::default().event("end").retry(RETRY);
            let event = match &end.cursor {
                Some(cursor) => event.id(cursor.to_string()),
                None => event,
            };
            event.json_data(end).map_err(Error::internal)
        }
    }
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
