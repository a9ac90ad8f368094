//! Pages of a job's lines.

use hearth_base::{Cursor, Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsDirection, LogsQuery, LogsStream, internal::LogsSource};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::stage::{Stage, line, lines, noon, stage, texts};

async fn pages_follow_each_other_in_both_directions(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=1234)).await?;
    let first = stage.list(&LogsQuery::default()).await?;
    assert_eq!((first.logs.len(), first.logs[0].message.as_str()), (500, "line 1234"));
    let newest = stage.all(&LogsQuery::default()).await?;
    let query = LogsQuery { direction: LogsDirection::OldestFirst, ..LogsQuery::default() };
    let mut oldest = stage.all(&query).await?;
    oldest.reverse();
    assert_eq!((newest.len(), &newest), (1234, &oldest));
    // `lines` counts over all pages.
    let some = stage.all(&LogsQuery { lines: Some(700), ..LogsQuery::default() }).await?;
    assert_eq!((some.len(), &some[..]), (700, &newest[..700]));
    Ok(())
}

async fn the_address_of_the_next_page_is_relative_and_holds_everything(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=600)).await?;
    stage.stand.passes(SignedDuration::from_secs(600));
    let query = LogsQuery {
        since: Some("10m".to_owned()),
        text: Some("LINE".to_owned()),
        lines: Some(550),
        ..LogsQuery::default()
    };
    let next = stage.list(&query).await?.next.unwrap().url;
    assert!(next.starts_with("?lines=50&since=2026-05-04T12%3A00%3A00Z&"), "{next}");
    stage.stand.passes(SignedDuration::from_hours(5));
    let page = stage.viewer.logs().next(&stage.tool, &stage.job, &next).await?.data;
    assert_eq!((page.logs.len(), page.next), (50, None));
    Ok(())
}

async fn lines_are_found_by_time_stream_run_and_text(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let mut written = lines(1..=10);
    written[3].stream = LogsStream::Err;
    stage.write(written).await?;
    let other = LogsSource { run: "run-2".to_owned(), instance: "web-2".to_owned(), ..stage.source() };
    stage.hand_over(other, vec![line(1, "Ünï"), line(2, "code")], true).await?;
    stage.stand.passes(SignedDuration::from_secs(10));
    let found =
        async |query: LogsQuery| Ok::<_, hearth_base::Error>(texts(&stage.all(&query).await?).join(" "));
    let none = LogsQuery::default;
    assert_eq!(found(LogsQuery { stream: Some(LogsStream::Err), ..none() }).await?, "line 4");
    assert_eq!(found(LogsQuery { run: Some("run-2".to_owned()), ..none() }).await?, "code Ünï");
    assert_eq!(found(LogsQuery { run: Some("run-3".to_owned()), ..none() }).await?, "");
    assert_eq!(found(LogsQuery { text: Some("üNÏ".to_owned()), ..none() }).await?, "Ünï");
    let regex = |regex: &str| LogsQuery { regex: Some(regex.to_owned()), ..none() };
    assert_eq!(found(regex("^(line [23]|c.de)$")).await?, "code line 3 line 2");
    assert_eq!(found(regex("LINE")).await?, "");
    assert_eq!(found(LogsQuery { since: Some("1s".to_owned()), ..none() }).await?, "line 10 line 9");
    let until = (noon() + SignedDuration::from_secs(1)).to_string();
    assert_eq!(found(LogsQuery { until: Some(until), ..none() }).await?, "Ünï line 1");
    Ok(())
}

async fn without_a_time_the_last_hour_before_the_newest_line_is_shown(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(vec![line(1, "old"), line(2, "older"), line(8000, "newest")]).await?;
    stage.stand.passes(SignedDuration::from_hours(500));
    assert_eq!(texts(&stage.all(&LogsQuery::default()).await?)[0], "newest");
    assert!(!texts(&stage.all(&LogsQuery::default()).await?).contains(&"old"));
    let more = stage.all(&LogsQuery { lines: Some(100), ..LogsQuery::default() }).await?;
    assert!(texts(&more).contains(&"old"));
    Ok(())
}

async fn a_job_that_has_written_nothing_is_told_with_both_reasons(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let refused = stage.list(&LogsQuery::default()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::NotFound, "no-such-log"));
    assert!(refused.public().contains("written nothing yet") && refused.public().contains("web.out"));
    let refused = stage.viewer.logs().stream(&stage.tool, &stage.job, &LogsQuery::default()).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("no-such-log"));
    stage.write(lines(1..=1)).await?;
    let nothing = LogsQuery { since: Some("2030-01-01".to_owned()), ..LogsQuery::default() };
    let page = stage.list(&nothing).await?;
    assert_eq!((page.logs.len(), page.next), (0, None));
    Ok(())
}

async fn hostile_queries_are_refused_in_words(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=3)).await?;
    let Stage { viewer, .. } = &stage;
    for (query, status) in [
        ("since=999999999999d", StatusCode::UNPROCESSABLE_ENTITY),
        ("until=yesterday", StatusCode::UNPROCESSABLE_ENTITY),
        ("since=", StatusCode::UNPROCESSABLE_ENTITY),
        ("lines=0", StatusCode::UNPROCESSABLE_ENTITY),
        ("lines=-1", StatusCode::UNPROCESSABLE_ENTITY),
        ("lines=99999999999", StatusCode::UNPROCESSABLE_ENTITY),
        ("direction=sideways", StatusCode::UNPROCESSABLE_ENTITY),
        ("cursor=abc", StatusCode::BAD_REQUEST),
        ("cursor=%00", StatusCode::BAD_REQUEST),
        ("colour=red", StatusCode::UNPROCESSABLE_ENTITY),
        ("regex=a(", StatusCode::UNPROCESSABLE_ENTITY),
        ("regex=(a%7B1000%7D)%7B1000%7D", StatusCode::UNPROCESSABLE_ENTITY),
        (r"regex=\Aa", StatusCode::UNPROCESSABLE_ENTITY),
        ("regex=(?%3Da)", StatusCode::UNPROCESSABLE_ENTITY),
        ("text=a&regex=a", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        for kind in ["job/web/logs", "job/web/logs_stream", "logs", "logs_stream"] {
            let path = format!("/logs/v1/tool/hello/{kind}?{query}");
            assert_eq!(viewer.call(Method::GET, &path).raw().await?.status(), status, "{path}");
        }
    }
    for cursor in [i64::MIN, -1, i64::MAX] {
        for direction in [LogsDirection::NewestFirst, LogsDirection::OldestFirst] {
            let query = LogsQuery { cursor: Some(Cursor::after(cursor)), direction, ..LogsQuery::default() };
            assert!(stage.list(&query).await?.logs.len() <= 3);
        }
    }
    let path = "/logs/v1/tool/hello/job/we%0Ab/logs";
    assert_eq!(viewer.call(Method::GET, path).raw().await?.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

on_every_store!(
    pages_follow_each_other_in_both_directions,
    the_address_of_the_next_page_is_relative_and_holds_everything,
    lines_are_found_by_time_stream_run_and_text,
    without_a_time_the_last_hour_before_the_newest_line_is_shown,
    a_job_that_has_written_nothing_is_told_with_both_reasons,
    hostile_queries_are_refused_in_words,
);
