//! Leased work.

use std::time::Duration;

use hearth_base::{Clock, Entropy, Error, LifeId, Result, Role, SystemClock};
use hearth_kit::db::{
    Db, migrate,
    work::{CreateWork, Holder, Work, WorkHolders},
};
use jiff::{SignedDuration, Timestamp};

const KIND: &str = "dig";

async fn work(db: &Db) -> Result<(Work, Timestamp)> {
    migrate(db, || vec![Box::new(CreateWork), Box::new(WorkHolders)]).await?;
    Ok((Work::new(db.clone(), None), SystemClock.now()))
}

async fn ask(work: &Work, db: &Db, key: &str, due: Timestamp) -> Result<()> {
    let tx = db.begin().await?;
    work.ask(&tx, KIND, key, &key, due).await?;
    tx.commit().await?;
    work.wake();
    Ok(())
}

async fn work_is_one_workers_until_its_lease_runs_out(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    let claims = work.claim::<String>(KIND, 10, now).await?;
    assert_eq!(claims.iter().map(|claim| claim.content.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(work.claim::<String>(KIND, 10, now).await?.is_empty());
    let late = now + Work::LEASE;
    let second = work.claim::<String>(KIND, 10, late).await?;
    assert_eq!(second.len(), 1);
    // Whatever the first one still writes is refused, and the second one's counts.
    let code = |result: Result<()>| result.err().map(|error| error.code().to_owned());
    assert_eq!(code(work.beat(&claims[0], late).await).as_deref(), Some("lease-lost"));
    let tx = db.begin().await?;
    assert_eq!(code(work.finish(&tx, &claims[0]).await).as_deref(), Some("lease-lost"));
    work.finish(&tx, &second[0]).await?;
    tx.commit().await?;
    assert!(work.claim::<String>(KIND, 10, late + Work::LEASE).await?.is_empty());
    Ok(())
}

async fn what_a_process_left_behind_its_next_life_takes_up_at_once(db: Db) -> Result<()> {
    let (_, now) = work(&db).await?;
    let life = |place: &str, role| {
        let holder = Holder { role, place: place.to_owned(), life: LifeId::new(now, &Entropy::System) };
        Work::new(db.clone(), Some(holder))
    };
    let first = life("here", Role::Jobs);
    ask(&first, &db, "a", now).await?;
    let claims = first.claim::<String>(KIND, 1, now).await?;
    for other in
        [first.clone(), life("there", Role::Jobs), life("here", Role::Builds), Work::new(db.clone(), None)]
    {
        assert!(other.claim::<String>(KIND, 1, now).await?.is_empty(), "{other:?}");
    }
    let next = life("here", Role::Jobs);
    assert_eq!(next.claim::<String>(KIND, 1, now).await?.len(), 1);
    assert!(first.beat(&claims[0], now).await.is_err());
    // It is the next one's now, whoever is before it.
    assert!(next.claim::<String>(KIND, 1, now).await?.is_empty());
    Ok(())
}

async fn a_heartbeat_keeps_work(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    let claims = work.claim::<String>(KIND, 1, now).await?;
    let later = now + SignedDuration::from_secs(20);
    work.beat(&claims[0], later).await?;
    assert!(work.claim::<String>(KIND, 1, now + Work::LEASE).await?.is_empty());
    Ok(())
}

async fn many_workers_never_share_a_piece(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    for number in 0..20 {
        ask(&work, &db, &format!("{number:02}"), now).await?;
    }
    let claim = || work.claim::<String>(KIND, 5, now);
    let (a, b, c, d) = tokio::join!(claim(), claim(), claim(), claim());
    let mut keys: Vec<_> = [a?, b?, c?, d?].into_iter().flatten().map(|claim| claim.key).collect();
    while let [last] = &work.claim::<String>(KIND, 1, now).await?[..] {
        keys.push(last.key.clone());
    }
    keys.sort();
    let all: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys, all);
    Ok(())
}

async fn what_is_asked_for_again_while_it_is_done_is_done_once_more(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    let claims = work.claim::<String>(KIND, 1, now).await?;
    ask(&work, &db, "a", now).await?;
    let tx = db.begin().await?;
    work.finish(&tx, &claims[0]).await?;
    tx.commit().await?;
    let again = work.claim::<String>(KIND, 1, now).await?;
    assert_eq!(again.len(), 1);
    let tx = db.begin().await?;
    work.finish(&tx, &again[0]).await?;
    tx.commit().await?;
    assert!(work.claim::<String>(KIND, 1, now).await?.is_empty());
    Ok(())
}

async fn work_that_cannot_be_read_is_put_aside_and_hinders_nobody(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    let tx = db.begin().await?;
    work.ask(&tx, KIND, "strange", &7, now).await?;
    work.ask(&tx, KIND, "well", &"well", now).await?;
    tx.commit().await?;
    let claims = work.claim::<String>(KIND, 10, now).await?;
    assert_eq!(claims.iter().map(|claim| claim.key.as_str()).collect::<Vec<_>>(), ["well"]);
    assert_eq!(work.put_aside().await?.len(), 1);
    // Asked for again, in words that can be read, it is done.
    ask(&work, &db, "strange", now).await?;
    assert_eq!(work.claim::<String>(KIND, 10, now).await?.len(), 1);
    Ok(())
}

async fn asking_twice_is_asking_once(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    ask(&work, &db, "a", now).await?;
    assert_eq!(work.claim::<String>(KIND, 10, now).await?.len(), 1);
    Ok(())
}

async fn failures_pause_longer_and_longer_and_end_aside(db: Db) -> Result<()> {
    let (work, mut now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    let mut pauses = Vec::new();
    let mut claims = work.claim::<String>(KIND, 1, now).await?;
    while !work.fail(&claims[0], &Error::invalid("stone", "hit a stone"), now).await? {
        let failed = now;
        claims.clear();
        while claims.is_empty() {
            now += SignedDuration::from_millis(500);
            claims = work.claim(KIND, 1, now).await?;
        }
        pauses.push(now.duration_since(failed));
    }
    assert!(pauses.is_sorted() && pauses.len() == Work::TRIES as usize - 1, "{pauses:?}");
    let aside = work.put_aside().await?;
    assert_eq!(aside, [(KIND.to_owned(), "a".to_owned(), "hit a stone".to_owned())]);
    Ok(())
}

async fn a_worker_that_waits_is_woken(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    let (waited, asked) =
        tokio::join!(work.wait(KIND, now, Duration::from_secs(20)), ask(&work, &db, "a", now));
    asked.and(waited)?;
    assert_eq!(work.claim::<String>(KIND, 1, now).await?.len(), 1);
    Ok(())
}

hearth_testkit::on_every_store!(
    work_is_one_workers_until_its_lease_runs_out,
    what_a_process_left_behind_its_next_life_takes_up_at_once,
    a_heartbeat_keeps_work,
    many_workers_never_share_a_piece,
    what_is_asked_for_again_while_it_is_done_is_done_once_more,
    work_that_cannot_be_read_is_put_aside_and_hinders_nobody,
    asking_twice_is_asking_once,
    failures_pause_longer_and_longer_and_end_aside,
    a_worker_that_waits_is_woken,
);
