//! Administration by operators: list, retry, discard.

use hearth_base::{Clock, Result};
use hearth_kit::{
    db::Db,
    queue::{Queue, RetryPolicy},
};
use hearth_wire::queue::QueueEntryState;
use jiff::SignedDuration;

use super::{RETRY_POLICY, build_error, open_stage, read_error_code};

async fn operator_lists_retries_and_discards_items(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let limit = hearth_base::PageLimit::new(2)?;
    for key in ["a", "b", "c"] {
        stage.enqueue(key).await?;
    }
    stage.enqueue_at("d", stage.clock.now() + SignedDuration::from_hours(1)).await?;
    let states = async |queue: &Queue| {
        let page = queue.list(None, None, limit, None).await?;
        let rest = queue.list(Some("dig"), None, limit, page.next.as_ref()).await?;
        assert_eq!(rest.next, None);
        let items = page.items.into_iter().chain(rest.items);
        Result::Ok(items.map(|entry| (entry.key, entry.state)).collect::<Vec<_>>())
    };
    let items = stage.claim_items(2).await?;
    stage
        .queue
        .fail_item(&items[0], &build_error(), &RetryPolicy { max_attempts: Some(1), ..RETRY_POLICY })
        .await?;
    use QueueEntryState::{Dead, Running, Scheduled, Waiting};
    let expected = [("a", Dead), ("b", Running), ("c", Waiting), ("d", Scheduled)];
    assert_eq!(states(&stage.queue).await?, expected.map(|(key, state)| (key.to_owned(), state)));
    let dead = stage.queue.list(None, Some(Dead), limit, None).await?.items;
    assert_eq!(dead.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a"]);
    // A running item cannot be changed.
    assert_eq!(read_error_code(stage.queue.retry("dig", "b").await).as_deref(), Some("item-running"));
    assert_eq!(read_error_code(stage.queue.discard_item("dig", "b").await).as_deref(), Some("item-running"));
    assert_eq!(read_error_code(stage.queue.show("dig", "none").await).as_deref(), Some("no-such-queue-item"));
    let retried = stage.queue.retry("dig", "a").await?;
    assert_eq!((retried.state, retried.failures, retried.died_at), (Waiting, 0, None));
    stage.queue.discard_item("dig", "d").await?;
    stage.enqueue("turn").await?;
    assert_eq!(
        read_error_code(stage.queue.discard_item("dig", "turn").await).as_deref(),
        Some("item-periodic")
    );
    stage.finish_item(&items[1]).await?;
    let mut keys: Vec<_> = stage.claim_items(10).await?.into_iter().map(|item| item.key).collect();
    keys.sort();
    assert_eq!(keys, ["a", "c", "turn"]);
    Ok(())
}

hearth_testkit::on_every_database!(operator_lists_retries_and_discards_items,);
