//! Waiting for items that are due.

use std::time::Duration;

use hearth_base::{Clock, Result};
use hearth_kit::{db::Db, queue::TaskName};
use jiff::SignedDuration;

use super::{DIG, FOR_EVER, await_soon, open_stage};

async fn later_item_is_waited_for_also_when_its_lease_has_expired(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    stage.claim(1).await?;
    stage.let_leases_expire();
    stage.enqueue_at("a", stage.clock.now() + SignedDuration::from_hours(1)).await?;
    assert!(stage.claim(1).await?.is_empty());
    let waited = tokio::time::timeout(Duration::from_millis(50), stage.queue.wait(DIG, FOR_EVER)).await;
    assert!(waited.is_err(), "{waited:?}");
    Ok(())
}

async fn waiting_worker_is_woken_by_an_item_of_its_task_that_is_due(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (waited, asked) = tokio::join!(await_soon(stage.queue.wait(DIG, FOR_EVER)), stage.enqueue("a"));
    asked.and(waited)?;
    for item in stage.claim(1).await? {
        stage.finish(&item).await?;
    }
    let asked = async {
        let (tx, others) = (db.begin().await?, TaskName::<String>::new("fill"));
        stage.queue.enqueue(&tx, others, "a", &"a".to_owned(), stage.clock.now()).await?;
        tx.commit().await?;
        stage.enqueue_at("a", stage.clock.now() + SignedDuration::from_hours(1)).await
    };
    let waits = tokio::time::timeout(Duration::from_millis(300), stage.queue.wait(DIG, FOR_EVER));
    let (waited, asked) = tokio::join!(waits, asked);
    asked?;
    assert!(waited.is_err(), "nothing was due");
    // A test that sets the clock says so.
    let (waited, ()) = tokio::join!(await_soon(stage.queue.wait(DIG, FOR_EVER)), async {
        tokio::task::yield_now().await;
        stage.clock.advance(SignedDuration::from_hours(1));
        db.wake_everybody();
    });
    waited
}

hearth_testkit::on_every_database!(
    later_item_is_waited_for_also_when_its_lease_has_expired,
    waiting_worker_is_woken_by_an_item_of_its_task_that_is_due,
);
