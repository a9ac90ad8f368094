//! Enqueueing, claiming, finishing and failing items.

use hearth_base::{Clock, Result};
use hearth_kit::{db::Db, queue::TaskName};
use jiff::SignedDuration;

use super::{DIG_TASK, RETRY_POLICY, build_error, list_dead_letters, open_stage, read_error_code};

async fn item_is_claimed_by_one_of_many_workers(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    for number in 0..20 {
        stage.enqueue(&format!("{number:02}")).await?;
    }
    let (a, b, c, d) =
        tokio::join!(stage.claim_items(5), stage.claim_items(5), stage.claim_items(5), stage.claim_items(5));
    let mut keys: Vec<_> = [a?, b?, c?, d?].into_iter().flatten().map(|item| item.key).collect();
    while let [last] = &stage.claim_items(1).await?[..] {
        keys.push(last.key.clone());
    }
    keys.sort();
    let all: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys, all);
    Ok(())
}

async fn item_enqueued_again_while_it_runs_is_processed_once_more(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim_items(1).await?;
    stage.enqueue("a").await?;
    stage.finish_item(&items[0]).await?;
    let again = stage.claim_items(1).await?;
    assert_eq!(again.len(), 1);
    stage.finish_item(&again[0]).await?;
    assert!(stage.claim_items(1).await?.is_empty());
    Ok(())
}

async fn several_items_finish_together_or_not_at_all(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (now, payload) = (stage.clock.now(), "dig".to_owned());
    let tx = db.begin().await?;
    stage.queue.enqueue_many(&tx, DIG_TASK, ["a", "b", "c"].map(|key| (key, &payload, now))).await?;
    tx.commit().await?;
    let items = stage.claim_items(3).await?;
    let [a, b, c] = ["a", "b", "c"].map(|key| items.iter().position(|item| item.key == key));
    let (Some(a), Some(b), Some(_)) = (a, b, c) else { return Err(build_error()) };
    stage.enqueue("b").await?;
    // Another worker claims the third item: then none of the three is finished.
    stage.clock.advance_by(SignedDuration::from_secs(20));
    for at in [a, b] {
        stage.queue.heartbeat(&items[at]).await?;
    }
    stage.clock.advance_by(SignedDuration::from_secs(15));
    let third = stage.claim_items(3).await?;
    assert_eq!(third.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["c"]);
    let tx = db.begin().await?;
    assert!(stage.queue.finish_items(&tx, &items).await.is_err());
    drop(tx);
    let tx = db.begin().await?;
    stage.queue.finish_items(&tx, [&items[a], &items[b], &third[0]]).await?;
    tx.commit().await?;
    let again = stage.claim_items(3).await?;
    assert_eq!(again.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["b"]);
    Ok(())
}

async fn item_enqueued_again_while_it_fails_is_due_at_once(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim_items(1).await?;
    stage.enqueue("a").await?;
    assert!(!stage.queue.fail_item(&items[0], &build_error(), &RETRY_POLICY).await?);
    let again = stage.claim_items(1).await?;
    assert_eq!(again.iter().map(|item| item.failures).collect::<Vec<_>>(), [0]);
    stage.enqueue("a").await?;
    let tx = db.begin().await?;
    stage.queue.reschedule_item(&tx, &again[0], stage.clock.now() + SignedDuration::from_hours(1)).await?;
    tx.commit().await?;
    assert_eq!(stage.claim_items(1).await?.len(), 1);
    // A worker that has lost its lease cannot reschedule the item.
    let lost = stage.queue.fail_item(&items[0], &build_error(), &RETRY_POLICY).await;
    assert_eq!(read_error_code(lost).as_deref(), Some("lease-lost"));
    Ok(())
}

async fn item_with_an_invalid_payload_becomes_a_dead_letter_and_blocks_no_other(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (now, numbers) = (stage.clock.now(), TaskName::<i32>::new(DIG_TASK.as_str()));
    let tx = db.begin().await?;
    stage.queue.enqueue(&tx, numbers, "strange", &7, now).await?;
    tx.commit().await?;
    stage.enqueue("well").await?;
    let items = stage.claim_items(10).await?;
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["well"]);
    let dead = list_dead_letters(&stage.queue).await?;
    assert_eq!(
        dead.iter().map(|dead| (&*dead.key, dead.died_at)).collect::<Vec<_>>(),
        [("strange", Some(now))]
    );
    // Enqueued again with a valid payload, the item is processed.
    stage.enqueue("strange").await?;
    assert_eq!(stage.claim_items(10).await?.len(), 1);
    assert!(list_dead_letters(&stage.queue).await?.is_empty());
    Ok(())
}

async fn item_enqueued_twice_is_processed_once(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    stage.enqueue("a").await?;
    assert_eq!(stage.claim_items(10).await?.len(), 1);
    Ok(())
}

async fn failed_item_is_retried_with_growing_pauses_and_becomes_a_dead_letter(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let mut pauses = Vec::new();
    let mut items = stage.claim_items(1).await?;
    while !stage.queue.fail_item(&items[0], &build_error(), &RETRY_POLICY).await? {
        let failed = stage.clock.now();
        items.clear();
        while items.is_empty() {
            stage.clock.advance_by(SignedDuration::from_millis(500));
            items = stage.claim_items(1).await?;
        }
        pauses.push(stage.clock.now().duration_since(failed));
    }
    assert!(pauses.is_sorted() && pauses.len() == 9, "{pauses:?}");
    let dead = list_dead_letters(&stage.queue).await?;
    let seen: Vec<_> = dead.iter().map(|dead| (&*dead.task, &*dead.key, dead.failures)).collect();
    assert_eq!(seen, [("dig", "a", 10)]);
    assert_eq!(dead[0].last_error.as_deref(), Some("hit a stone"));
    Ok(())
}

hearth_testkit::on_every_database!(
    item_is_claimed_by_one_of_many_workers,
    item_enqueued_again_while_it_runs_is_processed_once_more,
    several_items_finish_together_or_not_at_all,
    item_enqueued_again_while_it_fails_is_due_at_once,
    item_with_an_invalid_payload_becomes_a_dead_letter_and_blocks_no_other,
    item_enqueued_twice_is_processed_once,
    failed_item_is_retried_with_growing_pauses_and_becomes_a_dead_letter,
);
