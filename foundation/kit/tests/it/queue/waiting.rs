//! Waiting for due items.

use std::time::Duration;

use hearth_base::{Clock, Result};
use hearth_kit::{db::Db, queue::TaskName};
use jiff::SignedDuration;

use super::{DIG_TASK, LONG_WAIT, await_soon, open_stage};

async fn scheduled_item_with_an_expired_lease_is_not_due(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    stage.claim_items(1).await?;
    stage.expire_leases();
    stage.enqueue_at("a", stage.clock.now() + SignedDuration::from_hours(1)).await?;
    assert!(stage.claim_items(1).await?.is_empty());
    let waited = tokio::time::timeout(Duration::from_millis(50), stage.queue.wait(DIG_TASK, LONG_WAIT)).await;
    assert!(waited.is_err(), "{waited:?}");
    Ok(())
}

async fn waiting_worker_is_woken_by_a_due_item_of_its_task(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (waited, asked) = tokio::join!(await_soon(stage.queue.wait(DIG_TASK, LONG_WAIT)), stage.enqueue("a"));
    asked.and(waited)?;
    for item in stage.claim_items(1).await? {
        stage.finish_item(&item).await?;
    }
    let asked = async {
        let (tx, others) = (db.begin().await?, TaskName::<String>::new("fill"));
        stage.queue.enqueue(&tx, others, "a", &"a".to_owned(), stage.clock.now()).await?;
        tx.commit().await?;
        stage.enqueue_at("a", stage.clock.now() + SignedDuration::from_hours(1)).await
    };
    let waits = tokio::time::timeout(Duration::from_millis(300), stage.queue.wait(DIG_TASK, LONG_WAIT));
    let (waited, asked) = tokio::join!(waits, asked);
    asked?;
    assert!(waited.is_err(), "no item was due");
    // A test that sets the clock wakes all waiters.
    let (waited, ()) = tokio::join!(await_soon(stage.queue.wait(DIG_TASK, LONG_WAIT)), async {
        tokio::task::yield_now().await;
        stage.clock.advance_by(SignedDuration::from_hours(1));
        db.wake_all();
    });
    waited
}

hearth_testkit::on_every_database!(
    scheduled_item_with_an_expired_lease_is_not_due,
    waiting_worker_is_woken_by_a_due_item_of_its_task,
);
