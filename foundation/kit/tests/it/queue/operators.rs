//! Operators list, retry and discard items.

use hearth_base::{Clock, Result};
use hearth_kit::{
    db::Db,
    queue::{Queue, RetryPolicy},
};
use hearth_wire::queue::QueueEntryState;
use jiff::SignedDuration;

use super::{RETRY_POLICY, error_code, open_stage, stone};

async fn operator_lists_retries_and_discards_items(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let limit = hearth_base::Limit::new(2)?;
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
    let items = stage.claim(2).await?;
    stage.queue.fail(&items[0], &stone(), &RetryPolicy { max_attempts: Some(1), ..RETRY_POLICY }).await?;
    use QueueEntryState::{Dead, Running, Scheduled, Waiting};
    let expected = [("a", Dead), ("b", Running), ("c", Waiting), ("d", Scheduled)];
    assert_eq!(states(&stage.queue).await?, expected.map(|(key, state)| (key.to_owned(), state)));
    let dead = stage.queue.list(None, Some(Dead), limit, None).await?.items;
    assert_eq!(dead.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a"]);
    // What is running is nobody else's to change.
    assert_eq!(error_code(stage.queue.retry("dig", "b").await).as_deref(), Some("item-running"));
    assert_eq!(error_code(stage.queue.discard("dig", "b").await).as_deref(), Some("item-running"));
    assert_eq!(error_code(stage.queue.show("dig", "none").await).as_deref(), Some("no-such-queue-item"));
    let retried = stage.queue.retry("dig", "a").await?;
    assert_eq!((retried.state, retried.failures, retried.died_at), (Waiting, 0, None));
    stage.queue.discard("dig", "d").await?;
    stage.enqueue("turn").await?;
    assert_eq!(error_code(stage.queue.discard("dig", "turn").await).as_deref(), Some("item-periodic"));
    stage.finish(&items[1]).await?;
    let mut keys: Vec<_> = stage.claim(10).await?.into_iter().map(|item| item.key).collect();
    keys.sort();
    assert_eq!(keys, ["a", "c", "turn"]);
    Ok(())
}

hearth_testkit::on_every_database!(operator_lists_retries_and_discards_items,);
