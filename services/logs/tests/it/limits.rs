//! Limits of age, size and hourly size.

use hearth_base::{JobName, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::logs::{
    LogsQuery,
    internal::{LogsOwner, LogsSource},
};
use jiff::SignedDuration;

use crate::fixture::{build_line, build_lines, build_small_limits, list_texts, start_logs, start_logs_with};

async fn merged_batches_read_back_unchanged(db: Db) -> Result<()> {
    let fixture = start_logs(db).await?;
    for number in 1..=200 {
        fixture.write_lines(build_lines(number..=number)).await?;
    }
    fixture.write_lines((201..=230).map(|number| build_line(number, &"x".repeat(20_000))).collect()).await?;
    fixture.write_lines(build_lines(231..=1300)).await?;
    let all = fixture.list_all(&LogsQuery { lines: Some(5000), ..LogsQuery::default() }).await?;
    let sequence: Vec<_> = all.iter().rev().map(|entry| entry.datetime).collect();
    assert_eq!(all.len(), 1300);
    assert!(sequence.is_sorted());
    Ok(())
}

async fn size_limit_deletes_only_lines_of_the_largest_log(db: Db) -> Result<()> {
    let fixture = start_logs_with(db, build_small_limits(64 << 10, 64 << 20)).await?;
    let quiet = LogsSource { of: LogsOwner::Job("quiet".parse()?), ..fixture.build_source() };
    fixture.append_lines(quiet, build_lines(1..=3), false).await?;
    for part in 0..40 {
        let written =
            (part * 50 + 1..=part * 50 + 50).map(|number| build_line(number, &build_random_text(number)));
        fixture.write_lines(written.collect()).await?;
    }
    let query = LogsQuery { lines: Some(5000), ..LogsQuery::default() };
    let kept = fixture.list_all(&query).await?;
    assert!((1..2000).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0].message, build_random_text(2000), "the newest lines are kept");
    let page = LogsQuery { since: Some("2026-05-04".to_owned()), lines: Some(1), ..query.clone() };
    fixture.list(&page).await?;
    let quiet = fixture.viewer.logs().list(&fixture.tool, &"quiet".parse::<JobName>()?, &query).await?;
    assert_eq!(list_texts(&quiet.data.logs), ["line 3", "line 2", "line 1"]);
    assert!(quiet.messages.info.is_empty());
    Ok(())
}

/// Builds text that does not compress.
fn build_random_text(number: u64) -> String {
    let mut state = number;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    };
    (0..8).map(|_| next()).collect()
}

async fn lines_over_the_hourly_limit_are_dropped_with_a_note(db: Db) -> Result<()> {
    let fixture = start_logs_with(db, build_small_limits(1 << 30, 300)).await?;
    fixture.write_lines(build_lines(1..=1000)).await?;
    let all = fixture.list_all(&LogsQuery::default()).await?;
    assert!(all[0].message.contains("wrote too much"), "{:?}", list_texts(&all));
    assert!(all.len() < 12);
    fixture.stand.advance_clock(SignedDuration::from_hours(1));
    fixture.write_lines(build_lines(1001..=1001)).await?;
    let query = LogsQuery { lines: Some(2), ..LogsQuery::default() };
    let all = fixture.list_all(&query).await?;
    assert!(
        all[0].message == "line 1001" && all[1].message.ends_with("lines dropped"),
        "{:?}",
        list_texts(&all)
    );
    Ok(())
}

async fn old_lines_are_deleted(db: Db) -> Result<()> {
    let mut fixture = start_logs(db).await?;
    fixture.append_lines(fixture.build_source(), build_lines(1..=10), true).await?;
    fixture.stand.advance_clock(SignedDuration::from_hours(24 * 31));
    fixture.stand.mount(hearth_logs::mount).await?;
    let viewer = fixture.stand.member(fixture.id, &fixture.tool, hearth_base::Access::Read)?;
    let list = || async { viewer.logs().list(&fixture.tool, &fixture.job, &LogsQuery::default()).await };
    assert_eq!(list().await?.data.logs.len(), 10);
    fixture.stand.start_workers();
    wait_until("the lines are deleted", async || Ok(list().await.err())).await?;
    fixture.stand.tasks.shutdown(std::time::Duration::from_secs(20)).await;
    Ok(())
}

on_every_store!(
    merged_batches_read_back_unchanged,
    size_limit_deletes_only_lines_of_the_largest_log,
    lines_over_the_hourly_limit_are_dropped_with_a_note,
    old_lines_are_deleted,
);
