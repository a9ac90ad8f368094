//! Leases, and their ends.

use hearth_base::{Clock, Entropy, LifeId, Result, Role};
use hearth_kit::{
    db::Db,
    queue::{LeaseHolder, Queue},
};
use jiff::SignedDuration;

use super::{DIG, FOR_EVER, await_soon, error_code, open_stage};

async fn item_is_one_workers_until_its_lease_expires(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let first = stage.claim(10).await?;
    assert_eq!(first.iter().map(|item| item.payload.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(stage.claim(10).await?.is_empty());
    stage.let_leases_expire();
    let second = stage.claim(10).await?;
    assert_eq!(second.len(), 1);
    // Whatever the first one still writes is refused, and the second one's counts.
    assert_eq!(error_code(stage.queue.heartbeat(&first[0]).await).as_deref(), Some("lease-lost"));
    assert_eq!(error_code(stage.finish(&first[0]).await).as_deref(), Some("lease-lost"));
    stage.finish(&second[0]).await?;
    stage.let_leases_expire();
    assert!(stage.claim(10).await?.is_empty());
    Ok(())
}

async fn lease_of_a_former_life_is_free_at_once(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    let now = stage.clock.now();
    let life = |number, place: &str, role| {
        let begun = now + SignedDuration::from_millis(number);
        let life = LifeId::new(begun, &Entropy::System);
        let holder = LeaseHolder { role, place: place.to_owned(), life };
        Queue::new(db.clone(), stage.clock.clone(), Some(holder))
    };
    let first = life(1, "here", Role::Jobs);
    stage.enqueue("a").await?;
    let items = first.claim(DIG, 1).await?;
    for other in [
        first.clone(),
        life(0, "here", Role::Jobs),
        life(2, "there", Role::Jobs),
        life(2, "here", Role::Builds),
        stage.queue.clone(),
    ] {
        assert!(other.claim(DIG, 1).await?.is_empty(), "{other:?}");
    }
    let next = life(2, "here", Role::Jobs);
    // It is due for the next one already, which does not wait for the lease to expire.
    await_soon(next.wait(DIG, FOR_EVER)).await?;
    assert_eq!(next.claim(DIG, 1).await?.len(), 1);
    assert!(first.heartbeat(&items[0]).await.is_err());
    // It is the next one's now, whoever is before it.
    assert!(next.claim(DIG, 1).await?.is_empty());
    Ok(())
}

async fn heartbeat_extends_a_lease(db: Db) -> Result<()> {
    let stage = open_stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim(1).await?;
    stage.clock.advance(SignedDuration::from_secs(20));
    stage.queue.heartbeat(&items[0]).await?;
    stage.clock.advance(SignedDuration::from_secs(20));
    assert!(stage.claim(1).await?.is_empty());
    Ok(())
}

hearth_testkit::on_every_database!(
    item_is_one_workers_until_its_lease_expires,
    lease_of_a_former_life_is_free_at_once,
    heartbeat_extends_a_lease,
);
