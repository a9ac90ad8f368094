//! Items that a service chooses itself.

use hearth_base::{Clock, Result};
use hearth_kit::{db::Db, queue::TaskName};
use jiff::SignedDuration;

use super::{DIG_TASK, QueueStage, list_dead_letters, open_stage, read_error_code};

impl QueueStage {
    async fn claim_by_key(&self, key: &str) -> Result<Option<hearth_kit::queue::QueueItem<String>>> {
        let tx = self.db.begin().await?;
        let item = self.queue.claim_item(&tx, None, DIG_TASK, key).await?;
        tx.commit().await?;
        Ok(item)
    }

    async fn enqueue_in_place(&self, key: &str) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.enqueue_in_place(&tx, DIG_TASK, key, &key.to_owned(), self.clock.now()).await?;
        tx.commit().await
    }

    async fn list_keys(&self) -> Result<Vec<String>> {
        let items = self.queue.list_queued_items(self.db.reader(), None, DIG_TASK).await?;
        Ok(items.into_iter().map(|item| item.key).collect())
    }
}

async fn chosen_item_is_claimed_once_at_any_place(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("first").await?;
    stage.enqueue("second").await?;
    let item = stage.claim_by_key("second").await?.unwrap();
    assert_eq!(item.payload, "second");
    assert!(stage.claim_by_key("second").await?.is_none());
    assert!(stage.claim_by_key("nosuch").await?.is_none());
    let items = stage.queue.list_queued_items(stage.db.reader(), None, DIG_TASK).await?;
    let now = stage.clock.now();
    let states: Vec<_> =
        items.iter().map(|item| (item.key.as_str(), item.is_claimable(now), item.is_leased(now))).collect();
    assert_eq!(states, [("first", true, false), ("second", false, true)]);
    assert_eq!(items[1].next_change(now), items[1].leased_until);
    stage.expire_leases();
    let items = stage.queue.list_queued_items(stage.db.reader(), None, DIG_TASK).await?;
    assert!(items[1].is_abandoned(stage.clock.now()) && !items[0].is_abandoned(stage.clock.now()));
    let heir = stage.claim_by_key("second").await?.unwrap();
    assert_eq!(read_error_code(stage.finish_item(&item).await).as_deref(), Some("lease-lost"));
    stage.finish_item(&heir).await
}

async fn item_that_is_enqueued_in_place_keeps_its_turn(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    for key in ["first", "second"] {
        stage.enqueue_in_place(key).await?;
        stage.clock.advance_by(SignedDuration::from_secs(1));
    }
    stage.enqueue_in_place("first").await?;
    assert_eq!(stage.list_keys().await?, ["first", "second"]);
    // While the item is processed, a further enqueuing is not lost.
    let item = stage.claim_by_key("first").await?.unwrap();
    stage.enqueue_in_place("first").await?;
    stage.finish_item(&item).await?;
    assert_eq!(stage.list_keys().await?, ["second", "first"]);
    Ok(())
}

async fn chosen_item_with_an_invalid_payload_becomes_a_dead_letter(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let (now, numbers) = (stage.clock.now(), TaskName::<i32>::new(DIG_TASK.as_str()));
    let tx = db.begin().await?;
    stage.queue.enqueue(&tx, numbers, "strange", &7, now).await?;
    tx.commit().await?;
    assert!(stage.claim_by_key("strange").await?.is_none());
    assert!(stage.list_keys().await?.is_empty());
    let dead = list_dead_letters(&stage.queue).await?;
    assert_eq!(
        dead.iter().map(|dead| (&*dead.key, dead.died_at)).collect::<Vec<_>>(),
        [("strange", Some(now))]
    );
    // Enqueued again with a valid payload, the item is processed.
    stage.enqueue_in_place("strange").await?;
    assert_eq!(stage.claim_by_key("strange").await?.unwrap().payload, "strange");
    assert!(list_dead_letters(&stage.queue).await?.is_empty());
    Ok(())
}

hearth_testkit::on_every_database!(
    chosen_item_with_an_invalid_payload_becomes_a_dead_letter,
    chosen_item_is_claimed_once_at_any_place,
    item_that_is_enqueued_in_place_keeps_its_turn,
);
