//! Feeds.

use std::time::Duration;

use hearth_base::{Clock, Entropy, EventId, Result, SystemClock};
use hearth_kit::{
    db::{
        Db,
        feed::{CreateFeed, Feed},
        migrate,
    },
    tasks::Tasks,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

async fn feed(db: &Db) -> Result<Feed> {
    migrate(db, || vec![Box::new(CreateFeed)]).await?;
    Ok(Feed::new(db.clone(), Tasks::new().stop_sign()))
}

async fn append(feed: &Feed, db: &Db, number: u32) -> Result<()> {
    append_at(feed, db, number, SystemClock.now()).await
}

async fn append_at(feed: &Feed, db: &Db, number: u32, now: Timestamp) -> Result<()> {
    let tx = db.begin().await?;
    let content = json!({"kind": "counted", "data": {"number": number}});
    feed.append(&tx, EventId::new(now, &Entropy::System), now, &content).await?;
    tx.commit().await?;
    Ok(())
}

async fn events_come_in_order_and_once(db: Db) -> Result<()> {
    let feed = feed(&db).await?;
    for number in 0..5 {
        append(&feed, &db, number).await?;
    }
    let first = feed.after(None, Duration::ZERO).await?;
    let positions: Vec<_> = first.events.iter().map(|event| event.position).collect();
    assert_eq!((positions, first.head), (vec![1, 2, 3, 4, 5], 5));
    assert!(first.events.iter().all(|event| event.kind == "counted"));
    append(&feed, &db, 5).await?;
    let rest = feed.after(Some(5), Duration::ZERO).await?;
    assert_eq!(rest.events.iter().map(|event| event.data["number"].as_u64()).collect::<Vec<_>>(), [Some(5)]);
    assert!(feed.after(Some(6), Duration::ZERO).await?.events.is_empty());
    Ok(())
}

async fn what_was_written_first_comes_first_whatever_the_clocks_say(db: Db) -> Result<()> {
    let feed = feed(&db).await?;
    for number in 0..10 {
        let earlier = Timestamp::UNIX_EPOCH - SignedDuration::from_secs(i64::from(number));
        append_at(&feed, &db, number, earlier).await?;
    }
    let events = feed.after(None, Duration::ZERO).await?.events;
    let numbers: Vec<_> = events.iter().filter_map(|event| event.data["number"].as_u64()).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<u64>>());
    Ok(())
}

async fn a_late_commit_is_never_missed(db: Db) -> Result<()> {
    let feed = feed(&db).await?;
    let now = SystemClock.now();
    let content = json!({"kind": "counted", "data": {}});
    // Only PostgreSQL lets two write at a time; on SQLite the second simply comes afterwards.
    let early = EventId::new(now, &Entropy::System);
    if db.backend() == sea_orm::DatabaseBackend::Postgres {
        let slow = db.begin().await?;
        feed.append(&slow, early, now, &content).await?;
        append(&feed, &db, 1).await?;
        let seen = feed.after(None, Duration::ZERO).await?.head;
        slow.commit().await?;
        let late = feed.after(Some(seen), Duration::ZERO).await?;
        assert_eq!(late.events.iter().map(|event| event.id).collect::<Vec<_>>(), [early]);
    } else {
        append(&feed, &db, 1).await?;
        append(&feed, &db, 2).await?;
        assert_eq!(feed.after(Some(1), Duration::ZERO).await?.events.len(), 1);
    }
    Ok(())
}

async fn a_reader_that_waits_is_woken(db: Db) -> Result<()> {
    let feed = feed(&db).await?;
    let (waited, appended) = tokio::join!(feed.after(None, Duration::from_secs(20)), append(&feed, &db, 1));
    appended?;
    assert_eq!(waited?.events.len(), 1);
    Ok(())
}

async fn a_reader_is_told_of_events_that_are_no_longer_kept(db: Db) -> Result<()> {
    let feed = feed(&db).await?;
    for number in 0..3 {
        append(&feed, &db, number).await?;
    }
    assert_eq!(feed.after(None, Duration::ZERO).await?.head, 3);
    let later = SystemClock.now() + SignedDuration::from_hours(24 * (Feed::KEPT_DAYS + 1));
    let tx = db.begin().await?;
    assert_eq!(feed.trim(&tx, later).await?, 2);
    tx.commit().await?;
    let code = feed.after(Some(1), Duration::ZERO).await.err().map(|error| error.code().to_owned());
    assert_eq!(code.as_deref(), Some("feed-gap"));
    assert_eq!(feed.after(Some(2), Duration::ZERO).await?.events.len(), 1);
    assert_eq!(feed.after(None, Duration::ZERO).await?.events.len(), 1);
    Ok(())
}

hearth_testkit::on_every_store!(
    events_come_in_order_and_once,
    what_was_written_first_comes_first_whatever_the_clocks_say,
    a_late_commit_is_never_missed,
    a_reader_that_waits_is_woken,
    a_reader_is_told_of_events_that_are_no_longer_kept,
);
