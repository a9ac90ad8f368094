//! Wake-ups, in one process and between several.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_kit::{
    db::{Db, OrDbError},
    tasks::BackgroundTasks,
    wake::{WakeReason, WakeTopic},
};
use hearth_testkit::{DatabaseKind, ScratchDatabase, wait_until};
use sea_orm::ConnectionTrait;
use tokio::time::Instant;

const LONG_WAIT: Duration = Duration::from_secs(10);
const SHORT_WAIT: Duration = Duration::from_millis(300);

fn tool_topic(name: &str) -> WakeTopic {
    WakeTopic::with_key("tool", name)
}

async fn commit_wakes_only_the_waiters_of_its_topics(db: Db) -> Result<()> {
    let [mut own, mut both, mut others, mut all] = [
        db.listen([tool_topic("mine")]),
        db.listen([tool_topic("mine"), tool_topic("other")]),
        db.listen([tool_topic("other")]),
        db.listen([WakeTopic::new("tool")]),
    ];
    let tx = db.begin().await?;
    tx.wake(tool_topic("mine"));
    assert!(!own.wait_for(SHORT_WAIT).await, "the transaction is not committed yet");
    tx.commit().await?;
    assert!(own.wait_for(LONG_WAIT).await && both.wait_for(LONG_WAIT).await);
    assert!(!others.wait_for(SHORT_WAIT).await && !all.wait_for(SHORT_WAIT).await);
    // Each change wakes a waiter once.
    assert!(!own.wait_for(SHORT_WAIT).await);
    Ok(())
}

async fn dropped_transaction_wakes_no_waiter(db: Db) -> Result<()> {
    let mut listener = db.listen([tool_topic("mine")]);
    let tx = db.begin().await?;
    tx.wake(tool_topic("mine"));
    drop(tx);
    assert!(!listener.wait_for(SHORT_WAIT).await);
    Ok(())
}

async fn wake_up_before_the_wait_is_not_lost(db: Db) -> Result<()> {
    let mut listener = db.listen([tool_topic("mine")]);
    db.wake([tool_topic("mine")]);
    db.wake([tool_topic("mine")]);
    assert!(listener.wait_for(LONG_WAIT).await);
    assert!(!listener.wait_for(SHORT_WAIT).await, "two wake-ups before the wait count as one");
    Ok(())
}

async fn wait_ends_at_its_deadline_and_at_shutdown(db: Db) -> Result<()> {
    let tasks = BackgroundTasks::new();
    let stop = tasks.shutdown_signal();
    let mut listener = db.listen([tool_topic("mine")]);
    assert_eq!(listener.wait(Instant::now() + SHORT_WAIT, &stop).await, WakeReason::DeadlinePassed);
    db.wake([tool_topic("mine")]);
    assert_eq!(listener.wait(Instant::now() + LONG_WAIT, &stop).await, WakeReason::Changed);
    let (reason, _) =
        tokio::join!(listener.wait(Instant::now() + LONG_WAIT, &stop), tasks.shutdown(LONG_WAIT));
    assert_eq!(reason, WakeReason::Stopping);
    Ok(())
}

hearth_testkit::on_every_database!(
    commit_wakes_only_the_waiters_of_its_topics,
    dropped_transaction_wakes_no_waiter,
    wake_up_before_the_wait_is_not_lost,
    wait_ends_at_its_deadline_and_at_shutdown,
);

/// Waits until notifications of other processes arrive. Before that, waiters poll every two seconds.
async fn wait_until_connected(db: &Db) -> Result<()> {
    let mut listener = db.listen([WakeTopic::new("nothing")]);
    let connected = async { while listener.wait_for(Duration::from_millis(2500)).await {} };
    tokio::time::timeout(Duration::from_secs(60), connected).await.map_err(Error::internal)
}

async fn commit_topic(db: &Db, topic: WakeTopic) -> Result<()> {
    let tx = db.begin().await?;
    tx.wake(topic);
    tx.commit().await
}

#[tokio::test]
async fn processes_on_one_schema_wake_each_other() -> Result<()> {
    let scratch = ScratchDatabase::new(DatabaseKind::Postgres).await?;
    let (first, second) = (scratch.db(), scratch.open_second_handle().await?);
    let stranger = ScratchDatabase::new(DatabaseKind::Postgres).await?;
    let strangers = stranger.db();
    for (waiting, writing) in [(&first, &second), (&second, &first)] {
        let (mut own, mut others) =
            (waiting.listen([tool_topic("mine")]), waiting.listen([tool_topic("other")]));
        let mut elsewhere = strangers.listen([tool_topic("mine")]);
        commit_topic(writing, tool_topic("mine")).await?;
        assert!(own.wait_for(LONG_WAIT).await);
        assert!(!others.wait_for(SHORT_WAIT).await, "a change wakes only the waiters of its topic");
        assert!(!elsewhere.wait_for(SHORT_WAIT).await, "a change wakes only waiters on the same schema");
        assert!(!own.wait_for(SHORT_WAIT).await);
    }
    // More topics than fit into one notification.
    let tx = second.begin().await?;
    (0..3000).for_each(|number| tx.wake(tool_topic(&format!("{number:030}"))));
    let mut last = first.listen([tool_topic(&format!("{:030}", 2999))]);
    tx.commit().await?;
    assert!(last.wait_for(LONG_WAIT).await);
    Ok(())
}

#[tokio::test]
async fn waiters_are_woken_after_the_connection_was_lost() -> Result<()> {
    let scratch = ScratchDatabase::new(DatabaseKind::Postgres).await?;
    let (first, second) = (scratch.db(), scratch.open_second_handle().await?);
    tokio::try_join!(wait_until_connected(&first), wait_until_connected(&second))?;
    let mut mine = first.listen([tool_topic("mine")]);
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN \"hearth_wake_{}\"'",
        scratch.schema()
    );
    second.reader().execute_unprepared(&kill).await.or_db_error()?;
    commit_topic(&second, tool_topic("mine")).await?;
    assert!(mine.wait_for(LONG_WAIT).await, "waiters are woken after a lost notification");
    tokio::try_join!(wait_until_connected(&first), wait_until_connected(&second))?;
    wait_until("the connection is restored", async || {
        let mut mine = first.listen([tool_topic("mine")]);
        commit_topic(&second, tool_topic("mine")).await?;
        Ok(mine.wait_for(SHORT_WAIT).await.then_some(()))
    })
    .await
}
