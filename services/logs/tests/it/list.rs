//! Pages of a job's lines.

use hearth_base::{ErrorKind, PageCursor, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsDirection, LogsQuery, LogsStream, internal::LogsSource};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::fixture::{LogsFixture, build_line, build_lines, list_texts, start_logs, start_time};

async fn pages_follow_each_other_in_both_directions(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=1234)).await?;
    let first = fixture.list(&LogsQuery::default()).await?;
    assert_eq!((first.logs.len(), first.logs[0].message.as_str()), (500, "line 1234"));
    let newest = fixture.list_all(&LogsQuery::default()).await?;
    let query = LogsQuery { direction: LogsDirection::OldestFirst, ..LogsQuery::default() };
    let mut oldest = fixture.list_all(&query).await?;
    oldest.reverse();
    assert_eq!((newest.len(), &newest), (1234, &oldest));
    // `lines` limits all pages together.
    let some = fixture.list_all(&LogsQuery { lines: Some(700), ..LogsQuery::default() }).await?;
    assert_eq!((some.len(), &some[..]), (700, &newest[..700]));
    Ok(())
}

async fn url_of_the_next_page_is_relative_and_holds_all_parameters(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=600)).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(600));
    let query = LogsQuery {
        since: Some("10m".to_owned()),
        text: Some("LINE".to_owned()),
        lines: Some(550),
        ..LogsQuery::default()
    };
    let next = fixture.list(&query).await?.next.unwrap().url;
    assert!(next.starts_with("?lines=50&since=2026-05-04T12%3A00%3A00Z&"), "{next}");
    fixture.stand.advance_clock(SignedDuration::from_hours(5));
    let page = fixture.viewer.logs().next_page(&fixture.tool, &fixture.job, &next).await?.data;
    assert_eq!((page.logs.len(), page.next), (50, None));
    Ok(())
}

async fn lines_are_found_by_time_stream_run_and_text(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let mut written = build_lines(1..=10);
    written[3].stream = LogsStream::Err;
    fixture.write_lines(written).await?;
    let other =
        LogsSource { run: "run-2".to_owned(), instance: "web-2".to_owned(), ..fixture.build_source() };
    fixture.append_lines(other, vec![build_line(1, "Ünï"), build_line(2, "code")], true).await?;
    fixture.stand.advance_clock(SignedDuration::from_secs(10));
    let found = async |query: LogsQuery| {
        Ok::<_, hearth_base::Error>(list_texts(&fixture.list_all(&query).await?).join(" "))
    };
    let none = LogsQuery::default;
    assert_eq!(found(LogsQuery { stream: Some(LogsStream::Err), ..none() }).await?, "line 4");
    assert_eq!(found(LogsQuery { run: Some("run-2".to_owned()), ..none() }).await?, "code Ünï");
    assert_eq!(found(LogsQuery { run: Some("run-3".to_owned()), ..none() }).await?, "");
    assert_eq!(found(LogsQuery { text: Some("üNÏ".to_owned()), ..none() }).await?, "Ünï");
    let regex = |regex: &str| LogsQuery { regex: Some(regex.to_owned()), ..none() };
    assert_eq!(found(regex("^(line [23]|c.de)$")).await?, "code line 3 line 2");
    assert_eq!(found(regex("LINE")).await?, "");
    assert_eq!(found(LogsQuery { since: Some("1s".to_owned()), ..none() }).await?, "line 10 line 9");
    let until = (start_time() + SignedDuration::from_secs(1)).to_string();
    assert_eq!(found(LogsQuery { until: Some(until), ..none() }).await?, "Ünï line 1");
    Ok(())
}

async fn default_period_is_the_hour_before_the_newest_line(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture
        .write_lines(vec![build_line(1, "old"), build_line(2, "older"), build_line(8000, "newest")])
        .await?;
    fixture.stand.advance_clock(SignedDuration::from_hours(500));
    assert_eq!(list_texts(&fixture.list_all(&LogsQuery::default()).await?)[0], "newest");
    assert!(!list_texts(&fixture.list_all(&LogsQuery::default()).await?).contains(&"old"));
    let more = fixture.list_all(&LogsQuery { lines: Some(100), ..LogsQuery::default() }).await?;
    assert!(list_texts(&more).contains(&"old"));
    Ok(())
}

async fn error_about_a_missing_log_names_both_reasons(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let refused = fixture.list(&LogsQuery::default()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::NotFound, "no-such-log"));
    assert!(
        refused.public_message().contains("written nothing yet")
            && refused.public_message().contains("web.out")
    );
    let refused =
        fixture.viewer.logs().stream_lines(&fixture.tool, &fixture.job, &LogsQuery::default()).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("no-such-log"));
    fixture.write_lines(build_lines(1..=1)).await?;
    let nothing = LogsQuery { since: Some("2030-01-01".to_owned()), ..LogsQuery::default() };
    let page = fixture.list(&nothing).await?;
    assert_eq!((page.logs.len(), page.next), (0, None));
    Ok(())
}

async fn invalid_queries_are_refused(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=3)).await?;
    let LogsFixture { viewer, .. } = &fixture;
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
            assert_eq!(viewer.build_call(Method::GET, &path).send_raw().await?.status(), status, "{path}");
        }
    }
    for cursor in [i64::MIN, -1, i64::MAX] {
        for direction in [LogsDirection::NewestFirst, LogsDirection::OldestFirst] {
            let query =
                LogsQuery { cursor: Some(PageCursor::after_key(cursor)), direction, ..LogsQuery::default() };
            assert!(fixture.list(&query).await?.logs.len() <= 3);
        }
    }
    let path = "/logs/v1/tool/hello/job/we%0Ab/logs";
    assert_eq!(viewer.build_call(Method::GET, path).send_raw().await?.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

on_every_store!(
    pages_follow_each_other_in_both_directions,
    url_of_the_next_page_is_relative_and_holds_all_parameters,
    lines_are_found_by_time_stream_run_and_text,
    default_period_is_the_hour_before_the_newest_line,
    error_about_a_missing_log_names_both_reasons,
    invalid_queries_are_refused,
);
