//! Wake-ups, in one process and between several.

use std::time::Duration;

use hearth_base::{Error, Result};
use hearth_kit::{
    db::{Db, OrFault},
    tasks::Tasks,
    wake::{Topic, WakeReason},
};
use hearth_testkit::{Scratch, Store, until};
use sea_orm::ConnectionTrait;
use tokio::time::Instant;

const LONG_WAIT: Duration = Duration::from_secs(10);
const SHORT_WAIT: Duration = Duration::from_millis(300);

fn tool(name: &str) -> Topic {
    Topic::keyed("tool", name)
}

async fn commit_wakes_only_the_waiters_of_its_topics(db: Db) -> Result<()> {
    let [mut mine, mut both, mut others, mut all] = [
        db.listen([tool("mine")]),
        db.listen([tool("mine"), tool("other")]),
        db.listen([tool("other")]),
        db.listen([Topic::named("tool")]),
    ];
    let tx = db.begin().await?;
    tx.wake(tool("mine"));
    assert!(!mine.wait_for(SHORT_WAIT).await, "nothing has happened yet");
    tx.commit().await?;
    assert!(mine.wait_for(LONG_WAIT).await && both.wait_for(LONG_WAIT).await);
    assert!(!others.wait_for(SHORT_WAIT).await && !all.wait_for(SHORT_WAIT).await);
    // Each change wakes once.
    assert!(!mine.wait_for(SHORT_WAIT).await);
    Ok(())
}

async fn transaction_that_is_dropped_wakes_nobody(db: Db) -> Result<()> {
    let mut listener = db.listen([tool("mine")]);
    let tx = db.begin().await?;
    tx.wake(tool("mine"));
    drop(tx);
    assert!(!listener.wait_for(SHORT_WAIT).await);
    Ok(())
}

async fn wake_up_before_the_wait_is_kept(db: Db) -> Result<()> {
    let mut listener = db.listen([tool("mine")]);
    db.wake([tool("mine")]);
    db.wake([tool("mine")]);
    assert!(listener.wait_for(LONG_WAIT).await);
    assert!(!listener.wait_for(SHORT_WAIT).await, "two that nobody waited for count as one");
    Ok(())
}

async fn wait_ends_at_its_deadline_and_at_the_stop_sign(db: Db) -> Result<()> {
    let tasks = Tasks::new();
    let stop = tasks.stop_sign();
    let mut listener = db.listen([tool("mine")]);
    assert_eq!(listener.wait(Instant::now() + SHORT_WAIT, &stop).await, WakeReason::DeadlinePassed);
    db.wake([tool("mine")]);
    assert_eq!(listener.wait(Instant::now() + LONG_WAIT, &stop).await, WakeReason::Changed);
    let (reason, _) = tokio::join!(listener.wait(Instant::now() + LONG_WAIT, &stop), tasks.finish(LONG_WAIT));
    assert_eq!(reason, WakeReason::Stopping);
    Ok(())
}

hearth_testkit::on_every_database!(
    commit_wakes_only_the_waiters_of_its_topics,
    transaction_that_is_dropped_wakes_nobody,
    wake_up_before_the_wait_is_kept,
    wait_ends_at_its_deadline_and_at_the_stop_sign,
);

/// Waits until notifications of other processes arrive: before, waiters poll every two seconds.
async fn connected(db: &Db) -> Result<()> {
    let mut listener = db.listen([Topic::named("nothing")]);
    let connected = async { while listener.wait_for(Duration::from_millis(2500)).await {} };
    tokio::time::timeout(Duration::from_secs(60), connected).await.map_err(Error::internal)
}

async fn commit(db: &Db, topic: Topic) -> Result<()> {
    let tx = db.begin().await?;
    tx.wake(topic);
    tx.commit().await
}

#[tokio::test]
async fn processes_on_one_schema_wake_each_other() -> Result<()> {
    let scratch = Scratch::new(Store::Postgres).await?;
    let (first, second) = (scratch.db(), scratch.open_again().await?);
    let stranger = Scratch::new(Store::Postgres).await?;
    let strangers = stranger.db();
    for (waiting, writing) in [(&first, &second), (&second, &first)] {
        let (mut mine, mut others) = (waiting.listen([tool("mine")]), waiting.listen([tool("other")]));
        let mut elsewhere = strangers.listen([tool("mine")]);
        commit(writing, tool("mine")).await?;
        assert!(mine.wait_for(LONG_WAIT).await);
        assert!(!others.wait_for(SHORT_WAIT).await, "a change of one tool wakes those who wait for it");
        assert!(!elsewhere.wait_for(SHORT_WAIT).await, "a schema does not hear of another's changes");
        assert!(!mine.wait_for(SHORT_WAIT).await);
    }
    // More than one notification can carry.
    let tx = second.begin().await?;
    (0..3000).for_each(|number| tx.wake(tool(&format!("{number:030}"))));
    let mut last = first.listen([tool(&format!("{:030}", 2999))]);
    tx.commit().await?;
    assert!(last.wait_for(LONG_WAIT).await);
    Ok(())
}

#[tokio::test]
async fn waiters_look_again_after_the_connection_was_lost() -> Result<()> {
    let scratch = Scratch::new(Store::Postgres).await?;
    let (first, second) = (scratch.db(), scratch.open_again().await?);
    tokio::try_join!(connected(&first), connected(&second))?;
    let mut mine = first.listen([tool("mine")]);
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN \"hearth_wake_{}\"'",
        scratch.schema()
    );
    second.reader().execute_unprepared(&kill).await.or_fault()?;
    commit(&second, tool("mine")).await?;
    assert!(mine.wait_for(LONG_WAIT).await, "what was lost is looked for");
    tokio::try_join!(connected(&first), connected(&second))?;
    until("the connection stands again", async || {
        let mut mine = first.listen([tool("mine")]);
        commit(&second, tool("mine")).await?;
        Ok(mine.wait_for(SHORT_WAIT).await.then_some(()))
    })
    .await
}
