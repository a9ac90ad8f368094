//! Appending of lines.

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsQuery, internal::LogsSource};

use crate::fixture::{build_line, build_lines, list_texts, start_logs};

async fn repeated_batch_changes_nothing(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    assert_eq!(fixture.write_lines(build_lines(1..=3)).await?, 4);
    assert_eq!(fixture.write_lines(build_lines(1..=3)).await?, 4);
    assert_eq!(fixture.write_lines(build_lines(2..=4)).await?, 5);
    let all = fixture.list_all(&LogsQuery::default()).await?;
    assert_eq!(list_texts(&all), ["line 4", "line 3", "line 2", "line 1"]);
    Ok(())
}

async fn concurrent_batches_lose_and_duplicate_nothing(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let sources: Vec<_> = (0..4)
        .map(|number| LogsSource { instance: format!("web-{number}"), ..fixture.build_source() })
        .collect();
    let batches = sources.iter().flat_map(|source| (1..=5).map(|_| (source.clone(), build_lines(1..=20))));
    let appends = batches.map(|(source, lines)| fixture.append_lines(source, lines, false));
    for next in futures::future::join_all(appends).await {
        assert_eq!(next?, 21);
    }
    assert_eq!(fixture.list_all(&LogsQuery::default()).await?.len(), 80);
    Ok(())
}

async fn missing_lines_become_a_note(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    fixture.write_lines(build_lines(1..=1)).await?;
    fixture.write_lines(build_lines(9..=9)).await?;
    let all = fixture.list_all(&LogsQuery::default()).await?;
    assert_eq!(list_texts(&all), ["line 9", "7 lines lost", "line 1"]);
    Ok(())
}

async fn text_is_stored_unchanged(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let texts = ["a\0b", "\u{1b}[31mred\u{7}", "日本\r\ntwo", "", "\"\\", &"x".repeat(16 << 10)];
    let written = (1..).zip(texts).map(|(number, text)| build_line(number, text)).collect();
    fixture.write_lines(written).await?;
    let all = fixture.list_all(&LogsQuery::default()).await?;
    assert!(all.iter().rev().map(|entry| entry.message.as_str()).eq(texts));
    Ok(())
}

async fn invalid_batch_is_refused(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    let long = LogsSource { run: "r".repeat(300), ..fixture.build_source() };
    assert_eq!(
        fixture.append_lines(long, build_lines(1..=1), false).await.unwrap_err().kind(),
        ErrorKind::Invalid
    );
    let strange = LogsSource { instance: "a\u{1b}[31m".to_owned(), ..fixture.build_source() };
    assert_eq!(
        fixture.append_lines(strange, build_lines(1..=1), false).await.unwrap_err().kind(),
        ErrorKind::Invalid
    );
    let many = fixture.write_lines(build_lines(1..=10_001)).await.unwrap_err();
    assert_eq!((many.kind(), many.code()), (ErrorKind::TooLarge, "logs-batch"));
    let large = (1..=5).map(|number| build_line(number, &"x".repeat(1 << 20))).collect();
    assert_eq!(fixture.write_lines(large).await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(
        fixture.viewer.logs().append(&build_batch(&fixture)).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    assert_eq!(fixture.list(&LogsQuery::default()).await.unwrap_err().code(), "no-such-log");
    Ok(())
}

fn build_batch(fixture: &crate::fixture::LogsFixture) -> hearth_wire::logs::internal::LogsBatch {
    let source = fixture.build_source();
    hearth_wire::logs::internal::LogsBatch { source, lines: build_lines(1..=1), complete: false }
}

on_every_store!(
    repeated_batch_changes_nothing,
    concurrent_batches_lose_and_duplicate_nothing,
    missing_lines_become_a_note,
    text_is_stored_unchanged,
    invalid_batch_is_refused,
);
