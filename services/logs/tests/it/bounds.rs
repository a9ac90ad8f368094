//! Nothing grows beyond what is set.

use hearth_base::{JobName, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::logs::{
    LogsQuery,
    internal::{LogsOf, LogsSource},
};
use jiff::SignedDuration;

use crate::stage::{line, lines, little, stage, stage_with, texts};

async fn many_small_batches_are_merged_and_read_as_they_were(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for number in 1..=200 {
        stage.write(lines(number..=number)).await?;
    }
    stage.write((201..=230).map(|number| line(number, &"x".repeat(20_000))).collect()).await?;
    stage.write(lines(231..=1300)).await?;
    let all = stage.all(&LogsQuery { lines: Some(5000), ..LogsQuery::default() }).await?;
    let sequence: Vec<_> = all.iter().rev().map(|entry| entry.datetime).collect();
    assert_eq!(all.len(), 1300);
    assert!(sequence.is_sorted());
    Ok(())
}

async fn a_noisy_job_loses_its_oldest_lines_and_others_keep_theirs(db: Db) -> Result<()> {
    let stage = stage_with(db, little(64 << 10, 64 << 20)).await?;
    let quiet = LogsSource { of: LogsOf::Job("quiet".parse()?), ..stage.source() };
    stage.hand_over(quiet, lines(1..=3), false).await?;
    for part in 0..40 {
        let written = (part * 50 + 1..=part * 50 + 50).map(|number| line(number, &noise(number)));
        stage.write(written.collect()).await?;
    }
    let query = LogsQuery { lines: Some(5000), ..LogsQuery::default() };
    let kept = stage.all(&query).await?;
    assert!((1..2000).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0].message, noise(2000), "the newest are there");
    let page = LogsQuery { since: Some("2026-05-04".to_owned()), lines: Some(1), ..query.clone() };
    stage.list(&page).await?;
    let quiet = stage.viewer.logs().list(&stage.tool, &"quiet".parse::<JobName>()?, &query).await?;
    assert_eq!(texts(&quiet.data.logs), ["line 3", "line 2", "line 1"]);
    assert!(quiet.messages.info.is_empty());
    Ok(())
}

/// Text that does not become smaller when it is compressed.
fn noise(number: u64) -> String {
    let mut state = number;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    };
    (0..8).map(|_| next()).collect()
}

async fn a_container_that_writes_too_much_is_told(db: Db) -> Result<()> {
    let stage = stage_with(db, little(1 << 30, 300)).await?;
    stage.write(lines(1..=1000)).await?;
    let all = stage.all(&LogsQuery::default()).await?;
    assert!(all[0].message.contains("wrote too much"), "{:?}", texts(&all));
    assert!(all.len() < 12);
    stage.stand.passes(SignedDuration::from_hours(1));
    stage.write(lines(1001..=1001)).await?;
    let query = LogsQuery { lines: Some(2), ..LogsQuery::default() };
    let all = stage.all(&query).await?;
    assert!(all[0].message == "line 1001" && all[1].message.ends_with("lines dropped"), "{:?}", texts(&all));
    Ok(())
}

async fn old_lines_are_forgotten(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.hand_over(stage.source(), lines(1..=10), true).await?;
    stage.stand.passes(SignedDuration::from_hours(24 * 31));
    stage.stand.mount(hearth_logs::mount).await?;
    let viewer = stage.stand.member(stage.id, &stage.tool, hearth_base::Access::Read)?;
    let list = || async { viewer.logs().list(&stage.tool, &stage.job, &LogsQuery::default()).await };
    assert_eq!(list().await?.data.logs.len(), 10);
    stage.stand.start_workers();
    until("the lines are forgotten", async || Ok(list().await.err())).await?;
    stage.stand.tasks.finish(std::time::Duration::from_secs(20)).await;
    Ok(())
}

on_every_store!(
    many_small_batches_are_merged_and_read_as_they_were,
    a_noisy_job_loses_its_oldest_lines_and_others_keep_theirs,
    a_container_that_writes_too_much_is_told,
    old_lines_are_forgotten,
);
