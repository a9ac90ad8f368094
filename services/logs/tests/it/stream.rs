//! Following a job.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{Cursor, Error, Result};
use hearth_client::Body;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsQuery, LogsStream};
use http::{HeaderName, Method, Response, header};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::stage::{Stage, lines, stage};

/// A stream that is read line by line.
pub struct Lines(Body, VecDeque<Value>);

impl Lines {
    async fn open(stage: &Stage, query: &LogsQuery) -> Result<Self> {
        Ok(Self::of(stage.viewer.logs().stream(&stage.tool, &stage.job, query).await?))
    }

    pub fn of(response: Response<Body>) -> Self {
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Self(response.into_body(), VecDeque::new())
    }

    async fn next(&mut self) -> Option<Value> {
        while self.1.is_empty() {
            let frame = tokio::time::timeout(Duration::from_secs(30), self.0.frame()).await.unwrap()?;
            let data = frame.unwrap().into_data().unwrap();
            let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            self.1.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
        }
        self.1.pop_front()
    }

    pub async fn texts(&mut self, most: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..most {
            texts.push(self.next().await.unwrap()["message"].as_str().unwrap().to_owned());
        }
        texts
    }
}

async fn the_last_lines_come_first_and_then_each_as_it_is_written(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=5)).await?;
    let mut two = Lines::open(&stage, &LogsQuery { lines: Some(2), ..LogsQuery::default() }).await?;
    assert_eq!(two.texts(2).await, ["line 4", "line 5"]);
    let mut since = LogsQuery { since: Some("2026-05-04T12:00:03Z".to_owned()), ..LogsQuery::default() };
    let mut since_then = Lines::open(&stage, &since).await?;
    assert_eq!(since_then.texts(3).await, ["line 3", "line 4", "line 5"]);
    since.stream = Some(LogsStream::Err);
    let mut errors = Lines::open(&stage, &since).await?;
    let mut more = lines(6..=8);
    more[1].stream = LogsStream::Err;
    let (written, came) = tokio::join!(stage.write(more), two.texts(3));
    assert_eq!((written?, came), (9, ["line 6", "line 7", "line 8"].map(str::to_owned).to_vec()));
    assert_eq!(since_then.texts(3).await, ["line 6", "line 7", "line 8"]);
    assert_eq!(errors.texts(1).await, ["line 7"]);
    Ok(())
}

async fn a_stream_that_hearth_ends_says_where_to_go_on(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=2)).await?;
    let mut stream = Lines::open(&stage, &LogsQuery::default()).await?;
    let first = stream.next().await.unwrap();
    for key in ["pod", "container", "datetime", "message", "stream", "run", "cursor"] {
        assert!(first[key].is_string(), "{key}: {first}");
    }
    stream.texts(1).await;
    let (ended, last) = tokio::join!(stage.stand.tasks.finish(Duration::from_secs(20)), stream.next());
    let last = last.unwrap();
    assert_eq!((ended, last["code"].as_str(), last["pod"].as_str()), (true, Some("stream-over"), Some("")));
    assert!(stream.next().await.is_none());
    let after: Cursor = serde_json::from_value(last["cursor"].clone()).map_err(Error::internal)?;
    stage.write(lines(3..=3)).await?;
    let again = LogsQuery { cursor: Some(after), ..LogsQuery::default() };
    assert_eq!(Lines::open(&stage, &again).await?.texts(1).await, ["line 3"]);
    Ok(())
}

async fn a_stream_until_then_ends_without_a_word(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=2)).await?;
    stage.stand.passes(jiff::SignedDuration::from_secs(60));
    let query = LogsQuery { until: Some("1s".to_owned()), ..LogsQuery::default() };
    let mut stream = Lines::open(&stage, &query).await?;
    assert_eq!(stream.texts(2).await, ["line 1", "line 2"]);
    assert!(stream.next().await.is_none());
    Ok(())
}

/// An event of a stream of server-sent events: its type, its id, the message of its line.
type Told = (String, String, String);

/// Reads some events. A comment keeps the connection alive and is no event.
async fn events(body: &mut Body, most: usize) -> Vec<Told> {
    let mut text = String::new();
    let mut told: Vec<Told> = Vec::new();
    while told.len() < most {
        let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await.unwrap();
        text += std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let value = event.lines().find_map(|line| line.strip_prefix(name));
                value.unwrap_or_default().trim().to_owned()
            };
            if let Ok(data) = serde_json::from_str::<Value>(&field("data:")) {
                told.push((field("event:"), field("id:"), data["message"].as_str().unwrap().to_owned()));
            }
            text = rest.to_owned();
        }
    }
    told
}

async fn events_resume_behind_the_last_that_was_seen(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=3)).await?;
    let ask = async |last: Option<&str>| {
        let call = stage.viewer.call(Method::GET, "/logs/v1/tool/hello/job/web/logs_stream?lines=2");
        let call = call.header(header::ACCEPT, "text/html, text/event-stream;q=0.9");
        let call = match last {
            Some(last) => call.header(HeaderName::from_static("last-event-id"), last),
            None => call,
        };
        call.raw().await
    };
    let response = ask(None).await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let seen = events(&mut body, 2).await;
    assert_eq!((seen[0].2.as_str(), seen[1].2.as_str(), seen[1].0.as_str()), ("line 2", "line 3", ""));
    drop(body);
    stage.write(lines(4..=6)).await?;
    let mut again = ask(Some(&seen[1].1)).await?.into_body();
    let missed: Vec<String> = events(&mut again, 3).await.into_iter().map(|event| event.2).collect();
    assert_eq!(missed, ["line 4", "line 5", "line 6"]);
    assert_eq!(ask(Some("x; y")).await?.status(), http::StatusCode::BAD_REQUEST);
    let (ended, last) =
        tokio::join!(stage.stand.tasks.finish(Duration::from_secs(20)), events(&mut again, 1));
    assert_eq!((ended, last[0].0.as_str(), last[0].1.is_empty()), (true, "end", false));
    Ok(())
}

on_every_store!(
    events_resume_behind_the_last_that_was_seen,
    the_last_lines_come_first_and_then_each_as_it_is_written,
    a_stream_that_hearth_ends_says_where_to_go_on,
    a_stream_until_then_ends_without_a_word,
);
