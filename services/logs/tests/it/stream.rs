//! Streams of a job's lines.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{Error, PageCursor, Result};
use hearth_client::Body;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsQuery, LogsStream};
use http::{HeaderName, Method, Response, header};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::fixture::{LogsFixture, build_lines, start_logs};

/// A reader of a stream of lines.
pub struct LineStream(Body, VecDeque<Value>);

impl LineStream {
    async fn open(fixture: &LogsFixture, query: &LogsQuery) -> Result<Self> {
        Ok(Self::from_response(fixture.viewer.logs().stream_lines(&fixture.tool, &fixture.job, query).await?))
    }

    pub fn from_response(response: Response<Body>) -> Self {
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Self(response.into_body(), VecDeque::new())
    }

    async fn next_line(&mut self) -> Option<Value> {
        while self.1.is_empty() {
            let frame = tokio::time::timeout(Duration::from_secs(30), self.0.frame()).await.unwrap()?;
            let data = frame.unwrap().into_data().unwrap();
            let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            self.1.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
        }
        self.1.pop_front()
    }

    pub async fn read_texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(self.next_line().await.unwrap()["message"].as_str().unwrap().to_owned());
        }
        texts
    }
}

async fn stream_begins_with_the_last_lines_and_continues_with_new_ones(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=5)).await?;
    let mut two = LineStream::open(&fixture, &LogsQuery { lines: Some(2), ..LogsQuery::default() }).await?;
    assert_eq!(two.read_texts(2).await, ["line 4", "line 5"]);
    let mut since = LogsQuery { since: Some("2026-05-04T12:00:03Z".to_owned()), ..LogsQuery::default() };
    let mut since_then = LineStream::open(&fixture, &since).await?;
    assert_eq!(since_then.read_texts(3).await, ["line 3", "line 4", "line 5"]);
    since.stream = Some(LogsStream::Err);
    let mut errors = LineStream::open(&fixture, &since).await?;
    let mut more = build_lines(6..=8);
    more[1].stream = LogsStream::Err;
    let (written, came) = tokio::join!(fixture.write_lines(more), two.read_texts(3));
    assert_eq!((written?, came), (9, ["line 6", "line 7", "line 8"].map(str::to_owned).to_vec()));
    assert_eq!(since_then.read_texts(3).await, ["line 6", "line 7", "line 8"]);
    assert_eq!(errors.read_texts(1).await, ["line 7"]);
    Ok(())
}

async fn ended_stream_returns_the_cursor_to_continue_from(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=2)).await?;
    let mut stream = LineStream::open(&fixture, &LogsQuery::default()).await?;
    let first = stream.next_line().await.unwrap();
    for key in ["pod", "container", "datetime", "message", "stream", "run", "cursor"] {
        assert!(first[key].is_string(), "{key}: {first}");
    }
    stream.read_texts(1).await;
    let (ended, last) =
        tokio::join!(fixture.stand.tasks.shutdown(Duration::from_secs(20)), stream.next_line());
    let last = last.unwrap();
    assert_eq!((ended, last["code"].as_str(), last["pod"].as_str()), (true, Some("stream-over"), Some("")));
    assert!(stream.next_line().await.is_none());
    let after: PageCursor = serde_json::from_value(last["cursor"].clone()).map_err(Error::internal)?;
    fixture.write_lines(build_lines(3..=3)).await?;
    let again = LogsQuery { cursor: Some(after), ..LogsQuery::default() };
    assert_eq!(LineStream::open(&fixture, &again).await?.read_texts(1).await, ["line 3"]);
    Ok(())
}

async fn stream_with_a_requested_end_has_no_end_item(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=2)).await?;
    fixture.stand.advance_clock(jiff::SignedDuration::from_secs(60));
    let query = LogsQuery { until: Some("1s".to_owned()), ..LogsQuery::default() };
    let mut stream = LineStream::open(&fixture, &query).await?;
    assert_eq!(stream.read_texts(2).await, ["line 1", "line 2"]);
    assert!(stream.next_line().await.is_none());
    Ok(())
}

/// A server-sent event: its type, its id, the message of its line.
type ServerSentEvent = (String, String, String);

/// Reads events. It skips comments, which only keep the connection alive.
async fn read_events(body: &mut Body, count: usize) -> Vec<ServerSentEvent> {
    let mut text = String::new();
    let mut received: Vec<ServerSentEvent> = Vec::new();
    while received.len() < count {
        let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await.unwrap();
        text += std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let value = event.lines().find_map(|line| line.strip_prefix(name));
                value.unwrap_or_default().trim().to_owned()
            };
            if let Ok(data) = serde_json::from_str::<Value>(&field("data:")) {
                received.push((field("event:"), field("id:"), data["message"].as_str().unwrap().to_owned()));
            }
            text = rest.to_owned();
        }
    }
    received
}

async fn events_resume_after_the_last_event_id(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=3)).await?;
    let open_stream = async |last: Option<&str>| {
        let call = fixture.viewer.build_call(Method::GET, "/logs/v1/tool/hello/job/web/logs_stream?lines=2");
        let call = call.header(header::ACCEPT, "text/html, text/event-stream;q=0.9");
        let call = match last {
            Some(last) => call.header(HeaderName::from_static("last-event-id"), last),
            None => call,
        };
        call.send_raw().await
    };
    let response = open_stream(None).await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let seen = read_events(&mut body, 2).await;
    assert_eq!((seen[0].2.as_str(), seen[1].2.as_str(), seen[1].0.as_str()), ("line 2", "line 3", ""));
    drop(body);
    fixture.write_lines(build_lines(4..=6)).await?;
    let mut again = open_stream(Some(&seen[1].1)).await?.into_body();
    let missed: Vec<String> = read_events(&mut again, 3).await.into_iter().map(|event| event.2).collect();
    assert_eq!(missed, ["line 4", "line 5", "line 6"]);
    assert_eq!(open_stream(Some("x; y")).await?.status(), http::StatusCode::BAD_REQUEST);
    let (ended, last) =
        tokio::join!(fixture.stand.tasks.shutdown(Duration::from_secs(20)), read_events(&mut again, 1));
    assert_eq!((ended, last[0].0.as_str(), last[0].1.is_empty()), (true, "end", false));
    Ok(())
}

on_every_store!(
    events_resume_after_the_last_event_id,
    stream_begins_with_the_last_lines_and_continues_with_new_ones,
    ended_stream_returns_the_cursor_to_continue_from,
    stream_with_a_requested_end_has_no_end_item,
);
