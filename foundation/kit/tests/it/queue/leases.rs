//! Leases and their expiry.

use hearth_base::{Clock, Entropy, ProcessInstanceId, Result, Role};
use hearth_kit::{
    db::Db,
    queue::{LeaseHolder, Queue},
};
use jiff::SignedDuration;

use super::{DIG_TASK, LONG_WAIT, await_soon, open_stage, read_error_code};

async fn item_is_leased_to_one_worker_until_the_lease_expires(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let first = stage.claim_items(10).await?;
    assert_eq!(first.iter().map(|item| item.payload.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(stage.claim_items(10).await?.is_empty());
    stage.expire_leases();
    let second = stage.claim_items(10).await?;
    assert_eq!(second.len(), 1);
    // Writes of the first worker are rejected; those of the second one are accepted.
    assert_eq!(read_error_code(stage.queue.heartbeat(&first[0]).await).as_deref(), Some("lease-lost"));
    assert_eq!(read_error_code(stage.finish_item(&first[0]).await).as_deref(), Some("lease-lost"));
    stage.finish_item(&second[0]).await?;
    stage.expire_leases();
    assert!(stage.claim_items(10).await?.is_empty());
    Ok(())
}

async fn lease_of_a_finished_item_is_lost_although_its_key_is_enqueued_again(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let first = stage.claim_items(1).await?.remove(0);
    stage.finish_item(&first).await?;
    stage.enqueue("a").await?;
    let second = stage.claim_items(1).await?.remove(0);
    assert_eq!(read_error_code(stage.queue.heartbeat(&first).await).as_deref(), Some("lease-lost"));
    assert_eq!(read_error_code(stage.finish_item(&first).await).as_deref(), Some("lease-lost"));
    stage.finish_item(&second).await
}

async fn lease_of_a_former_life_is_free_at_once(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let now = stage.clock.now();
    let life = |number, place: &str, role| {
        let begun = now + SignedDuration::from_millis(number);
        let life = ProcessInstanceId::new(begun, &Entropy::System);
        let holder = LeaseHolder { role, folder_id: place.to_owned(), life };
        Queue::new(db.clone(), stage.clock.clone(), Some(holder))
    };
    let first = life(1, "here", Role::Jobs);
    stage.enqueue("a").await?;
    let items = first.claim_items(DIG_TASK, 1).await?;
    for other in [
        first.clone(),
        life(0, "here", Role::Jobs),
        life(2, "there", Role::Jobs),
        life(2, "here", Role::Builds),
        stage.queue.clone(),
    ] {
        assert!(other.claim_items(DIG_TASK, 1).await?.is_empty(), "{other:?}");
    }
    let next = life(2, "here", Role::Jobs);
    // For the next life of the holder the item is due at once, before the lease expires.
    await_soon(next.wait(DIG_TASK, LONG_WAIT)).await?;
    assert_eq!(next.claim_items(DIG_TASK, 1).await?.len(), 1);
    assert!(first.heartbeat(&items[0]).await.is_err());
    // The item is leased to the next life now.
    assert!(next.claim_items(DIG_TASK, 1).await?.is_empty());
    Ok(())
}

async fn heartbeat_extends_a_lease(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim_items(1).await?;
    stage.clock.advance_by(SignedDuration::from_secs(20));
    stage.queue.heartbeat(&items[0]).await?;
    stage.clock.advance_by(SignedDuration::from_secs(20));
    assert!(stage.claim_items(1).await?.is_empty());
    Ok(())
}

hearth_testkit::on_every_database!(
    item_is_leased_to_one_worker_until_the_lease_expires,
    lease_of_a_finished_item_is_lost_although_its_key_is_enqueued_again,
    lease_of_a_former_life_is_free_at_once,
    heartbeat_extends_a_lease,
);
