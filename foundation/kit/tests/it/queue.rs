//! Queues.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hearth_base::{Clock, Entropy, Error, LifeId, ManualClock, Result, Role, SystemClock};
use hearth_kit::{
    Worker,
    db::{Db, Tx, migrate},
    queue::{
        CreateQueue, LeaseHolder, NextTurn, Performed, Queue, QueueItem, RetryPolicy, Task, TaskName,
        TaskSettings, periodic_worker, run_worker,
    },
    tasks::Tasks,
};
use hearth_wire::queue::QueueEntryState;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, mpsc};

const DIG: TaskName<String> = TaskName::new("dig");
const FOR_EVER: Duration = Duration::from_secs(3600);
const POLICY: RetryPolicy = RetryPolicy::DEFAULT;

/// A queue, and the clock that it goes by.
struct Stage {
    db: Db,
    clock: Arc<ManualClock>,
    queue: Queue,
}

async fn stage(db: &Db) -> Result<Stage> {
    migrate(db, || vec![Box::new(CreateQueue)]).await?;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    Ok(Stage { queue: Queue::new(db.clone(), clock.clone(), None), db: db.clone(), clock })
}

impl Stage {
    async fn enqueue(&self, key: &str) -> Result<()> {
        self.enqueue_at(key, self.clock.now()).await
    }

    async fn enqueue_at(&self, key: &str, due_at: Timestamp) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.enqueue(&tx, DIG, key, &key.to_owned(), due_at).await?;
        tx.commit().await
    }

    async fn claim(&self, most: u64) -> Result<Vec<QueueItem<String>>> {
        self.queue.claim(DIG, most).await
    }

    async fn finish(&self, item: &QueueItem<String>) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.finish(&tx, item).await?;
        tx.commit().await
    }

    fn lease_passes(&self) {
        self.clock.advance(Queue::LEASE_DURATION);
    }
}

/// What is not worth waiting for has gone wrong.
async fn soon<T>(waited: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(Duration::from_secs(20), waited).await.map_err(Error::internal)?
}

fn code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

fn stone() -> Error {
    Error::invalid("stone", "hit a stone")
}

async fn item_is_one_workers_until_its_lease_expires(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    let first = stage.claim(10).await?;
    assert_eq!(first.iter().map(|item| item.payload.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(stage.claim(10).await?.is_empty());
    stage.lease_passes();
    let second = stage.claim(10).await?;
    assert_eq!(second.len(), 1);
    // Whatever the first one still writes is refused, and the second one's counts.
    assert_eq!(code(stage.queue.heartbeat(&first[0]).await).as_deref(), Some("lease-lost"));
    assert_eq!(code(stage.finish(&first[0]).await).as_deref(), Some("lease-lost"));
    stage.finish(&second[0]).await?;
    stage.lease_passes();
    assert!(stage.claim(10).await?.is_empty());
    Ok(())
}

async fn lease_of_a_former_life_is_free_at_once(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
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
    soon(next.wait(DIG, FOR_EVER)).await?;
    assert_eq!(next.claim(DIG, 1).await?.len(), 1);
    assert!(first.heartbeat(&items[0]).await.is_err());
    // It is the next one's now, whoever is before it.
    assert!(next.claim(DIG, 1).await?.is_empty());
    Ok(())
}

async fn heartbeat_extends_a_lease(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim(1).await?;
    stage.clock.advance(SignedDuration::from_secs(20));
    stage.queue.heartbeat(&items[0]).await?;
    stage.clock.advance(SignedDuration::from_secs(20));
    assert!(stage.claim(1).await?.is_empty());
    Ok(())
}

async fn item_is_claimed_by_one_of_many_workers(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    for number in 0..20 {
        stage.enqueue(&format!("{number:02}")).await?;
    }
    let (a, b, c, d) = tokio::join!(stage.claim(5), stage.claim(5), stage.claim(5), stage.claim(5));
    let mut keys: Vec<_> = [a?, b?, c?, d?].into_iter().flatten().map(|item| item.key).collect();
    while let [last] = &stage.claim(1).await?[..] {
        keys.push(last.key.clone());
    }
    keys.sort();
    let all: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(keys, all);
    Ok(())
}

async fn item_enqueued_again_while_it_runs_is_performed_once_more(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim(1).await?;
    stage.enqueue("a").await?;
    stage.finish(&items[0]).await?;
    let again = stage.claim(1).await?;
    assert_eq!(again.len(), 1);
    stage.finish(&again[0]).await?;
    assert!(stage.claim(1).await?.is_empty());
    Ok(())
}

async fn several_items_finish_together_or_not_at_all(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    let (now, payload) = (stage.clock.now(), "dig".to_owned());
    let tx = db.begin().await?;
    stage.queue.enqueue_all(&tx, DIG, ["a", "b", "c"].map(|key| (key, &payload, now))).await?;
    tx.commit().await?;
    let items = stage.claim(3).await?;
    let [a, b, c] = ["a", "b", "c"].map(|key| items.iter().position(|item| item.key == key));
    let (Some(a), Some(b), Some(_)) = (a, b, c) else { return Err(stone()) };
    stage.enqueue("b").await?;
    // Another has the third by now: none of them is finished.
    stage.clock.advance(SignedDuration::from_secs(20));
    for at in [a, b] {
        stage.queue.heartbeat(&items[at]).await?;
    }
    stage.clock.advance(SignedDuration::from_secs(15));
    let third = stage.claim(3).await?;
    assert_eq!(third.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["c"]);
    let tx = db.begin().await?;
    assert!(stage.queue.finish_all(&tx, &items).await.is_err());
    drop(tx);
    let tx = db.begin().await?;
    stage.queue.finish_all(&tx, [&items[a], &items[b], &third[0]]).await?;
    tx.commit().await?;
    let again = stage.claim(3).await?;
    assert_eq!(again.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["b"]);
    Ok(())
}

async fn item_enqueued_again_while_it_fails_is_due_at_once(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    let items = stage.claim(1).await?;
    stage.enqueue("a").await?;
    assert!(!stage.queue.fail(&items[0], &stone(), &POLICY).await?);
    let again = stage.claim(1).await?;
    assert_eq!(again.iter().map(|item| item.failures).collect::<Vec<_>>(), [0]);
    stage.enqueue("a").await?;
    let tx = db.begin().await?;
    stage.queue.repeat(&tx, &again[0], stage.clock.now() + SignedDuration::from_hours(1)).await?;
    tx.commit().await?;
    assert_eq!(stage.claim(1).await?.len(), 1);
    // A worker that has lost it puts nothing off.
    let lost = stage.queue.fail(&items[0], &stone(), &POLICY).await;
    assert_eq!(code(lost).as_deref(), Some("lease-lost"));
    Ok(())
}

async fn item_that_cannot_be_read_is_a_dead_letter_and_hinders_no_other(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    let (now, numbers) = (stage.clock.now(), TaskName::<i32>::new(DIG.as_str()));
    let tx = db.begin().await?;
    stage.queue.enqueue(&tx, numbers, "strange", &7, now).await?;
    tx.commit().await?;
    stage.enqueue("well").await?;
    let items = stage.claim(10).await?;
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["well"]);
    let dead = stage.queue.dead_letters().await?;
    assert_eq!(
        dead.iter().map(|dead| (&*dead.key, dead.died_at)).collect::<Vec<_>>(),
        [("strange", Some(now))]
    );
    // Enqueued again, in a form that can be read, it is performed.
    stage.enqueue("strange").await?;
    assert_eq!(stage.claim(10).await?.len(), 1);
    assert!(stage.queue.dead_letters().await?.is_empty());
    Ok(())
}

async fn item_enqueued_twice_is_performed_once(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    stage.enqueue("a").await?;
    assert_eq!(stage.claim(10).await?.len(), 1);
    Ok(())
}

async fn failures_pause_longer_and_longer_and_end_as_a_dead_letter(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    let mut pauses = Vec::new();
    let mut items = stage.claim(1).await?;
    while !stage.queue.fail(&items[0], &stone(), &POLICY).await? {
        let failed = stage.clock.now();
        items.clear();
        while items.is_empty() {
            stage.clock.advance(SignedDuration::from_millis(500));
            items = stage.claim(1).await?;
        }
        pauses.push(stage.clock.now().duration_since(failed));
    }
    assert!(pauses.is_sorted() && pauses.len() == 9, "{pauses:?}");
    let dead = stage.queue.dead_letters().await?;
    let seen: Vec<_> = dead.iter().map(|dead| (&*dead.task, &*dead.key, dead.failures)).collect();
    assert_eq!(seen, [("dig", "a", 10)]);
    assert_eq!(dead[0].last_error.as_deref(), Some("hit a stone"));
    Ok(())
}

async fn operator_lists_retries_and_discards_items(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
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
    stage.queue.fail(&items[0], &stone(), &RetryPolicy { max_attempts: Some(1), ..POLICY }).await?;
    use QueueEntryState::{Dead, Running, Scheduled, Waiting};
    let expected = [("a", Dead), ("b", Running), ("c", Waiting), ("d", Scheduled)];
    assert_eq!(states(&stage.queue).await?, expected.map(|(key, state)| (key.to_owned(), state)));
    let dead = stage.queue.list(None, Some(Dead), limit, None).await?.items;
    assert_eq!(dead.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a"]);
    // What is running is nobody else's to change.
    assert_eq!(code(stage.queue.retry("dig", "b").await).as_deref(), Some("item-running"));
    assert_eq!(code(stage.queue.discard("dig", "b").await).as_deref(), Some("item-running"));
    assert_eq!(code(stage.queue.show("dig", "none").await).as_deref(), Some("no-such-queue-item"));
    let retried = stage.queue.retry("dig", "a").await?;
    assert_eq!((retried.state, retried.failures, retried.died_at), (Waiting, 0, None));
    stage.queue.discard("dig", "d").await?;
    stage.enqueue("turn").await?;
    assert_eq!(code(stage.queue.discard("dig", "turn").await).as_deref(), Some("item-periodic"));
    stage.finish(&items[1]).await?;
    let mut keys: Vec<_> = stage.claim(10).await?.into_iter().map(|item| item.key).collect();
    keys.sort();
    assert_eq!(keys, ["a", "c", "turn"]);
    Ok(())
}

async fn later_item_is_waited_for_also_when_its_lease_has_expired(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    stage.enqueue("a").await?;
    stage.claim(1).await?;
    stage.lease_passes();
    stage.enqueue_at("a", stage.clock.now() + SignedDuration::from_hours(1)).await?;
    assert!(stage.claim(1).await?.is_empty());
    let waited = tokio::time::timeout(Duration::from_millis(50), stage.queue.wait(DIG, FOR_EVER)).await;
    assert!(waited.is_err(), "{waited:?}");
    Ok(())
}

async fn waiting_worker_is_woken_by_an_item_of_its_task_that_is_due(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    let (waited, asked) = tokio::join!(soon(stage.queue.wait(DIG, FOR_EVER)), stage.enqueue("a"));
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
    let (waited, ()) = tokio::join!(soon(stage.queue.wait(DIG, FOR_EVER)), async {
        tokio::task::yield_now().await;
        stage.clock.advance(SignedDuration::from_hours(1));
        db.wake_everybody();
    });
    waited
}

/// A task whose items do what their payloads say.
struct Digging {
    began: mpsc::UnboundedSender<String>,
    /// How many items each transaction recorded.
    recorded: Arc<Mutex<Vec<usize>>>,
}

const SETTINGS: TaskSettings = TaskSettings {
    concurrency: 8,
    record_batch: 4,
    retry: RetryPolicy { max_attempts: Some(2), ..POLICY },
    stop_grace: Duration::from_millis(200),
    ..TaskSettings::DEFAULT
};

impl Task for Digging {
    type Payload = String;
    type Loaded = usize;
    type Output = String;

    fn name(&self) -> TaskName<String> {
        DIG
    }

    fn settings(&self) -> TaskSettings {
        SETTINGS
    }

    async fn load(&self, items: &[QueueItem<String>]) -> Result<Vec<usize>> {
        Ok(items.iter().map(|item| item.key.len()).collect())
    }

    async fn perform(&self, item: &QueueItem<String>, loaded: &usize) -> Result<String> {
        assert_eq!(*loaded, item.key.len());
        let _nobody_listens = self.began.send(item.key.clone());
        match &*item.payload {
            "stone" => Err(stone()),
            "endless" => std::future::pending().await,
            _ => Ok(item.payload.clone()),
        }
    }

    async fn record(&self, _: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        if performed.iter().any(|one| one.output == "unwritable") {
            return Err(stone());
        }
        self.recorded.lock().await.push(performed.len());
        Ok(performed.iter().map(|_| NextTurn::Finished).collect())
    }
}

async fn worker_performs_items_retries_failures_and_hands_back_the_rest(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    let (tasks, recorded) = (Tasks::new(), Arc::<Mutex<Vec<usize>>>::default());
    let (began, mut begun) = mpsc::unbounded_channel();
    let now = stage.clock.now();
    let tx = db.begin().await?;
    for (key, payload) in
        [("a", "well"), ("b", "stone"), ("c", "endless"), ("d", "unwritable"), ("e", "well")]
    {
        stage.queue.enqueue(&tx, DIG, key, &payload.to_owned(), now).await?;
    }
    tx.commit().await?;
    let digging = Digging { began, recorded: recorded.clone() };
    let worker = run_worker(stage.queue.clone(), digging, tasks.stop_sign());
    let observed = async {
        hearth_testkit::until("two items are finished, two failed", async || {
            let entries = stage.queue.list(None, None, hearth_base::Limit::default(), None).await?.items;
            let failed = entries.iter().filter(|entry| entry.failures == 1).count();
            Ok((entries.len() == 3 && failed == 2).then_some(()))
        })
        .await?;
        // What fails again is a dead letter; what was recorded beside an item that is refused is not lost.
        stage.clock.advance(SignedDuration::from_secs(2));
        db.wake_everybody();
        hearth_testkit::until("both are dead letters", async || {
            let dead = stage.queue.dead_letters().await?;
            Ok((dead.iter().map(|dead| dead.key.as_str()).collect::<Vec<_>>() == ["b", "d"]).then_some(()))
        })
        .await?;
        // An operator mends one of them, and retries it.
        let tx = db.begin().await?;
        stage.queue.enqueue(&tx, DIG, "b", &"well".to_owned(), stage.clock.now()).await?;
        tx.commit().await?;
        hearth_testkit::until("it is finished", async || {
            Ok(stage.queue.show("dig", "b").await.is_err().then_some(()))
        })
        .await?;
        tasks.finish(Duration::ZERO).await;
        Result::Ok(())
    };
    let ((), observed) = soon(async { Ok(tokio::join!(worker, observed)) }).await?;
    observed?;
    assert_eq!(recorded.lock().await.iter().sum::<usize>(), 3);
    // The endless one was handed back: another worker may claim it at once.
    assert_eq!(stage.claim(10).await?.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["c"]);
    begun.close();
    Ok(())
}

/// Runs a worker until it stops by itself.
async fn run(worker: Worker, tasks: &Tasks) -> Result<()> {
    (worker.run)(tasks.stop_sign()).await;
    Ok(())
}

async fn periodic_task_comes_again_and_is_not_begun_anew(db: Db) -> Result<()> {
    let stage = stage(&db).await?;
    let (tasks, hour) = (Tasks::new(), SignedDuration::from_hours(1));
    let (turns, mut turned) = mpsc::unbounded_channel();
    let (clock, count, stopping) = (stage.clock.clone(), Arc::new(AtomicU32::new(0)), tasks.clone());
    let begun = clock.now();
    let perform = move |now: Timestamp| {
        let turn = count.fetch_add(1, Ordering::SeqCst) + 1;
        let _received = turns.send(now.duration_since(begun).as_mins());
        let (clock, tasks) = (clock.clone(), stopping.clone());
        async move {
            match turn {
                2 => {
                    clock.advance(SignedDuration::from_mins(1));
                    return Err(stone());
                }
                4 => drop(tasks.finish(Duration::ZERO).await),
                _ => clock.advance(hour),
            }
            Ok(())
        }
    };
    soon(run(periodic_worker(&stage.queue, "sweep", hour, perform), &tasks)).await?;
    let mut minutes = Vec::new();
    while let Ok(turn) = turned.try_recv() {
        minutes.push(turn);
    }
    // A turn that failed is tried again soon.
    assert_eq!(minutes, [0, 60, 61, 121]);
    // A process that starts anew does not begin anew; of two processes one takes the turn.
    let sweep = TaskName::<serde_json::Value>::new("sweep");
    assert!(stage.queue.claim(sweep, 1).await?.is_empty());
    let (tasks, turns) = (Tasks::new(), Arc::new(AtomicU32::new(0)));
    stage.clock.advance(hour);
    let worker = || {
        let (tasks, turns) = (tasks.clone(), turns.clone());
        periodic_worker(&stage.queue, "sweep", hour, move |_| {
            let (tasks, turns) = (tasks.clone(), turns.clone());
            async move {
                turns.fetch_add(1, Ordering::SeqCst);
                tasks.finish(Duration::ZERO).await;
                Ok(())
            }
        })
    };
    let (first, second) = (worker(), worker());
    soon(async { tokio::try_join!(run(first, &tasks), run(second, &tasks)) }).await?;
    assert_eq!(turns.load(Ordering::SeqCst), 1);
    Ok(())
}

hearth_testkit::on_every_database!(
    item_is_one_workers_until_its_lease_expires,
    lease_of_a_former_life_is_free_at_once,
    heartbeat_extends_a_lease,
    item_is_claimed_by_one_of_many_workers,
    item_enqueued_again_while_it_runs_is_performed_once_more,
    several_items_finish_together_or_not_at_all,
    item_enqueued_again_while_it_fails_is_due_at_once,
    item_that_cannot_be_read_is_a_dead_letter_and_hinders_no_other,
    item_enqueued_twice_is_performed_once,
    failures_pause_longer_and_longer_and_end_as_a_dead_letter,
    operator_lists_retries_and_discards_items,
    later_item_is_waited_for_also_when_its_lease_has_expired,
    waiting_worker_is_woken_by_an_item_of_its_task_that_is_due,
    worker_performs_items_retries_failures_and_hands_back_the_rest,
    periodic_task_comes_again_and_is_not_begun_anew,
);
