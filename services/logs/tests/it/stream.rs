//! Following a job.

use std::{collections::VecDeque, time::Duration};

use hearth_base::{Cursor, Error, Result};
use hearth_client::Body;
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsQuery, LogsStream};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::stage::{Stage, lines, stage};

/// A stream that is read line by line.
struct Lines(Body, VecDeque<Value>);

impl Lines {
    async fn open(stage: &Stage, query: &LogsQuery) -> Result<Self> {
        let response = stage.viewer.logs().stream(&stage.tool, &stage.job, query).await?;
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Ok(Self(response.into_body(), VecDeque::new()))
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

    async fn texts(&mut self, most: usize) -> Vec<String> {
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
    stage.stand.clock.advance(jiff::SignedDuration::from_secs(60));
    let query = LogsQuery { until: Some("1s".to_owned()), ..LogsQuery::default() };
    let mut stream = Lines::open(&stage, &query).await?;
    assert_eq!(stream.texts(2).await, ["line 1", "line 2"]);
    assert!(stream.next().await.is_none());
    Ok(())
}

on_every_store!(
    the_last_lines_come_first_and_then_each_as_it_is_written,
    a_stream_that_hearth_ends_says_where_to_go_on,
    a_stream_until_then_ends_without_a_word,
);
