//! Handing lines over.

use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::logs::{LogsQuery, internal::LogsSource};

use crate::stage::{line, lines, stage, texts};

async fn a_batch_that_comes_again_changes_nothing(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    assert_eq!(stage.write(lines(1..=3)).await?, 4);
    assert_eq!(stage.write(lines(1..=3)).await?, 4);
    assert_eq!(stage.write(lines(2..=4)).await?, 5);
    let all = stage.all(&LogsQuery::default()).await?;
    assert_eq!(texts(&all), ["line 4", "line 3", "line 2", "line 1"]);
    Ok(())
}

async fn batches_at_the_same_time_lose_and_double_nothing(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let sources: Vec<_> =
        (0..4).map(|number| LogsSource { instance: format!("web-{number}"), ..stage.source() }).collect();
    let batches = sources.iter().flat_map(|source| (1..=5).map(|_| (source.clone(), lines(1..=20))));
    let handed = batches.map(|(source, lines)| stage.hand_over(source, lines, false));
    for next in futures::future::join_all(handed).await {
        assert_eq!(next?, 21);
    }
    assert_eq!(stage.all(&LogsQuery::default()).await?.len(), 80);
    Ok(())
}

async fn missing_lines_are_noted(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.write(lines(1..=1)).await?;
    stage.write(lines(9..=9)).await?;
    let all = stage.all(&LogsQuery::default()).await?;
    assert_eq!(texts(&all), ["line 9", "7 lines lost", "line 1"]);
    Ok(())
}

async fn text_is_kept_as_it_was_written(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let texts = ["a\0b", "\u{1b}[31mred\u{7}", "日本\r\ntwo", "", "\"\\", &"x".repeat(16 << 10)];
    let written = (1..).zip(texts).map(|(number, text)| line(number, text)).collect();
    stage.write(written).await?;
    let all = stage.all(&LogsQuery::default()).await?;
    assert!(all.iter().rev().map(|entry| entry.message.as_str()).eq(texts));
    Ok(())
}

async fn what_no_runtime_writes_is_refused(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let long = LogsSource { run: "r".repeat(300), ..stage.source() };
    assert_eq!(stage.hand_over(long, lines(1..=1), false).await.unwrap_err().kind(), Kind::Invalid);
    let strange = LogsSource { instance: "a\u{1b}[31m".to_owned(), ..stage.source() };
    assert_eq!(stage.hand_over(strange, lines(1..=1), false).await.unwrap_err().kind(), Kind::Invalid);
    let many = stage.write(lines(1..=10_001)).await.unwrap_err();
    assert_eq!((many.kind(), many.code()), (Kind::TooLarge, "logs-batch"));
    let large = (1..=5).map(|number| line(number, &"x".repeat(1 << 20))).collect();
    assert_eq!(stage.write(large).await.unwrap_err().kind(), Kind::TooLarge);
    assert_eq!(stage.viewer.logs().append(&batch(&stage)).await.unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(stage.list(&LogsQuery::default()).await.unwrap_err().code(), "no-such-log");
    Ok(())
}

fn batch(stage: &crate::stage::Stage) -> hearth_wire::logs::internal::LogsBatch {
    let source = stage.source();
    hearth_wire::logs::internal::LogsBatch { source, lines: lines(1..=1), complete: false }
}

on_every_store!(
    a_batch_that_comes_again_changes_nothing,
    batches_at_the_same_time_lose_and_double_nothing,
    missing_lines_are_noted,
    text_is_kept_as_it_was_written,
    what_no_runtime_writes_is_refused,
);
