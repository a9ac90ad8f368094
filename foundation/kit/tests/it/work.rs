//! Leased work.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hearth_base::{Clock, Entropy, Error, LifeId, ManualClock, Result, Role, SystemClock};
use hearth_kit::{
    db::{
        Db, migrate,
        work::{CreateWork, Holder, Work, WorkHolders},
    },
    tasks::Tasks,
};
use jiff::{SignedDuration, Timestamp};

const KIND: &str = "dig";
const FOR_EVER: Duration = Duration::from_secs(3600);

async fn work(db: &Db) -> Result<(Work, Timestamp)> {
    migrate(db, || vec![Box::new(CreateWork), Box::new(WorkHolders)]).await?;
    Ok((Work::new(db.clone(), None), SystemClock.now()))
}

/// What is not worth waiting for has gone wrong.
async fn soon(waited: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::time::timeout(Duration::from_secs(10), waited).await.map_err(Error::internal)?
}

async fn ask(work: &Work, db: &Db, key: &str, due: Timestamp) -> Result<()> {
    let tx = db.begin().await?;
    work.ask(&tx, KIND, key, &key, due).await?;
    tx.commit().await?;
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
    let life = |number, place: &str, role| {
        let begun = now + SignedDuration::from_millis(number);
        let holder = Holder { role, place: place.to_owned(), life: LifeId::new(begun, &Entropy::System) };
        Work::new(db.clone(), Some(holder))
    };
    let first = life(1, "here", Role::Jobs);
    ask(&first, &db, "a", now).await?;
    let claims = first.claim::<String>(KIND, 1, now).await?;
    for other in [
        first.clone(),
        life(0, "here", Role::Jobs),
        life(2, "there", Role::Jobs),
        life(2, "here", Role::Builds),
        Work::new(db.clone(), None),
    ] {
        assert!(other.claim::<String>(KIND, 1, now).await?.is_empty(), "{other:?}");
    }
    let next = life(2, "here", Role::Jobs);
    // It is due for the next one already, which does not wait for the lease to run out.
    soon(next.wait(&ManualClock::at(now), KIND, FOR_EVER)).await?;
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

async fn several_pieces_end_together_or_not_at_all(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    let tx = db.begin().await?;
    work.ask_all(&tx, KIND, ["a", "b", "c"].map(|key| (key, &"dig", now))).await?;
    tx.commit().await?;
    let claims = work.claim::<String>(KIND, 3, now).await?;
    ask(&work, &db, "b", now).await?;
    // Another has the third by now: none of them is ended.
    let late = now + Work::LEASE;
    work.beat(&claims[0], late).await?;
    work.beat(&claims[1], late).await?;
    let third = work.claim::<String>(KIND, 3, late).await?;
    assert_eq!(third.len(), 1);
    let tx = db.begin().await?;
    assert!(work.finish_all(&tx, &claims).await.is_err());
    drop(tx);
    let tx = db.begin().await?;
    work.finish_all(&tx, claims[..2].iter().chain(&third)).await?;
    tx.commit().await?;
    // What was asked for again comes again.
    let again = work.claim::<String>(KIND, 3, late).await?;
    assert_eq!(again.iter().map(|claim| claim.key.as_str()).collect::<Vec<_>>(), ["b"]);
    Ok(())
}

async fn what_is_asked_for_again_while_it_fails_or_ends_is_done_at_once(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    let claims = work.claim::<String>(KIND, 1, now).await?;
    ask(&work, &db, "a", now).await?;
    assert!(!work.fail(&claims[0], &Error::invalid("stone", "hit a stone"), now).await?);
    let again = work.claim::<String>(KIND, 1, now).await?;
    assert_eq!(again.iter().map(|claim| claim.failures).collect::<Vec<_>>(), [0]);
    ask(&work, &db, "a", now).await?;
    let tx = db.begin().await?;
    work.again(&tx, &again[0], now + SignedDuration::from_hours(1)).await?;
    tx.commit().await?;
    assert_eq!(work.claim::<String>(KIND, 1, now).await?.len(), 1);
    // Whoever has lost it puts nothing off.
    let lost = work.fail(&claims[0], &Error::invalid("stone", "hit a stone"), now).await;
    assert_eq!(lost.err().map(|error| error.code().to_owned()).as_deref(), Some("lease-lost"));
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

async fn what_comes_later_is_waited_for_also_when_its_lease_has_run_out(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    ask(&work, &db, "a", now).await?;
    work.claim::<String>(KIND, 1, now).await?;
    let late = now + Work::LEASE;
    ask(&work, &db, "a", late + SignedDuration::from_hours(1)).await?;
    assert!(work.claim::<String>(KIND, 1, late).await?.is_empty());
    let waited =
        tokio::time::timeout(Duration::from_millis(50), work.wait(&ManualClock::at(late), KIND, FOR_EVER))
            .await;
    assert!(waited.is_err(), "{waited:?}");
    Ok(())
}

async fn what_is_done_regularly_comes_again(db: Db) -> Result<()> {
    let (work, begun) = work(&db).await?;
    let (clock, tasks, hour) = (ManualClock::at(begun), Tasks::new(), SignedDuration::from_hours(1));
    let turns = Mutex::new(Vec::new());
    let take = |now: Timestamp| {
        let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.push(now.duration_since(begun).as_mins());
        let turn = turns.len();
        let (tasks, clock) = (&tasks, &clock);
        async move {
            match turn {
                2 => {
                    clock.advance(SignedDuration::from_mins(1));
                    return Err(Error::invalid("stone", "hit a stone"));
                }
                4 => drop(tasks.finish(Duration::ZERO).await),
                _ => clock.advance(hour),
            }
            Ok(())
        }
    };
    work.regularly(&clock, &tasks.stop_sign(), KIND, hour, take).await;
    // What failed is tried again soon.
    assert_eq!(turns.into_inner().unwrap_or_default(), [0, 60, 61, 121]);
    // A process that starts anew does not begin anew.
    assert!(work.claim::<serde_json::Value>(KIND, 1, clock.now()).await?.is_empty());
    let (tasks, turns) = (Tasks::new(), AtomicU32::new(0));
    clock.advance(hour);
    let take = |_| async {
        turns.fetch_add(1, Ordering::Relaxed);
        tasks.finish(Duration::ZERO).await;
        Ok(())
    };
    let stop = tasks.stop_sign();
    let worker = || work.regularly(&clock, &stop, KIND, hour, take);
    tokio::join!(worker(), worker());
    assert_eq!(turns.into_inner(), 1);
    Ok(())
}

async fn a_worker_that_waits_is_woken(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    let clock = ManualClock::at(now);
    let waits = soon(work.wait(&clock, KIND, FOR_EVER));
    let (waited, asked) = tokio::join!(waits, ask(&work, &db, "a", now));
    asked.and(waited)?;
    assert_eq!(work.claim::<String>(KIND, 1, now).await?.len(), 1);
    Ok(())
}

async fn what_is_of_others_or_comes_later_ends_no_wait(db: Db) -> Result<()> {
    let (work, now) = work(&db).await?;
    let (clock, hour) = (ManualClock::at(now), SignedDuration::from_hours(1));
    let asked = async {
        let tx = db.begin().await?;
        work.ask(&tx, "else", "a", &"a", now).await?;
        tx.commit().await?;
        ask(&work, &db, "a", now + hour).await
    };
    let waits = tokio::time::timeout(Duration::from_millis(300), work.wait(&clock, KIND, FOR_EVER));
    let (waited, asked) = tokio::join!(waits, asked);
    asked?;
    assert!(waited.is_err(), "nothing was due");
    // Whoever sets the clock says so.
    let (waited, ()) = tokio::join!(soon(work.wait(&clock, KIND, FOR_EVER)), async {
        tokio::task::yield_now().await;
        clock.advance(hour);
        work.wake();
    });
    waited
}

hearth_testkit::on_every_store!(
    work_is_one_workers_until_its_lease_runs_out,
    what_a_process_left_behind_its_next_life_takes_up_at_once,
    a_heartbeat_keeps_work,
    many_workers_never_share_a_piece,
    what_is_asked_for_again_while_it_is_done_is_done_once_more,
    several_pieces_end_together_or_not_at_all,
    what_is_asked_for_again_while_it_fails_or_ends_is_done_at_once,
    work_that_cannot_be_read_is_put_aside_and_hinders_nobody,
    asking_twice_is_asking_once,
    failures_pause_longer_and_longer_and_end_aside,
    what_comes_later_is_waited_for_also_when_its_lease_has_run_out,
    what_is_done_regularly_comes_again,
    a_worker_that_waits_is_woken,
    what_is_of_others_or_comes_later_ends_no_wait,
);
