//! The worker of a task: claims items, performs several at a time, records what is through, and keeps the leases.
//!
//! | event | what the worker does |
//! |---|---|
//! | an item is due, and there is room | claims, loads, and starts to perform it |
//! | an item was performed | records it, together with those that are through by then |
//! | performing or recording failed | gives the item back by the task's retry policy |
//! | a lease is lost | stops performing the item: another worker has it |
//! | the process stops | claims nothing more, waits for items under way, hands the rest back |

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hearth_base::{Error, Result};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::{LEASE_LOST, NextTurn, Performed, Queue, QueueItem, Task, TaskSettings};
use crate::{log_error, tasks::Stop, worker::Worker};

/// Three heartbeats fit into a lease of 30 seconds.
const HEARTBEATS_PER_LEASE: u32 = 4;
/// The longest wait for an item; a wake-up ends it, and a poll where wake-ups do not come.
const MAX_WAIT: Duration = Duration::from_secs(3600);
const FIRST_ERROR_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_ERROR_PAUSE: Duration = Duration::from_secs(10);

/// A worker that performs the items of a task beside the API of its service.
pub fn worker<T: Task>(queue: &Queue, task: T) -> Worker {
    let (queue, name) = (queue.clone(), task.name().as_str());
    queue.metrics.watch_task(name, &queue);
    Worker::new(name, move |stop| async move { run_worker(queue, task, stop).await })
}

/// Performs the items of a task until the process stops.
pub async fn run_worker<T: Task>(queue: Queue, task: T, stop: Stop) {
    let settings = task.settings();
    let pool = Pool { queue, task: Arc::new(task), settings, leases: Arc::default() };
    tokio::select! {
        () = pool.run(&stop) => {}
        never = pool.send_heartbeats() => match never {},
    }
}

/// An item after its turn, with what it gave.
struct Turn<T: Task> {
    item: QueueItem<T::Payload>,
    loaded: T::Loaded,
    output: Result<T::Output>,
}

/// A lease that is kept alive.
struct HeldLease {
    fence: i64,
    /// Stops performing the item.
    abort: AbortHandle,
}

struct Pool<T: Task> {
    queue: Queue,
    task: Arc<T>,
    settings: TaskSettings,
    /// By the key of the item.
    leases: Arc<Mutex<BTreeMap<String, HeldLease>>>,
}

impl<T: Task> Pool<T> {
    async fn run(&self, stop: &Stop) {
        let mut error_pause = FIRST_ERROR_PAUSE;
        // Tasks of their own: they go on while this waits for the database.
        let mut under_way = JoinSet::new();
        let mut performed = Vec::new();
        let mut may_be_due = true;
        // Not begun anew with each item that is through.
        let wait = || self.queue.wait(self.task.name(), MAX_WAIT);
        let mut next_item = pin!(wait());
        while !stop.is_set() {
            self.collect_performed(&mut under_way, &mut performed).await;
            self.record_performed(std::mem::take(&mut performed)).await;
            if may_be_due && under_way.len() < self.settings.concurrency {
                if let Err(error) = self.claim_and_start(&mut under_way).await {
                    self.log_failure(&error, "items cannot be claimed; will retry");
                    stop.pause(error_pause).await;
                    error_pause = (error_pause * 2).min(LONGEST_ERROR_PAUSE);
                    continue;
                }
                error_pause = FIRST_ERROR_PAUSE;
                // With no room left, more may be due.
                may_be_due = under_way.len() >= self.settings.concurrency;
                next_item.set(wait());
            }
            tokio::select! {
                // Items that are due come first: there may always be one that is through.
                biased;
                () = stop.wait() => {}
                waited = &mut next_item, if !may_be_due => match waited {
                    Ok(()) => may_be_due = true,
                    Err(error) => {
                        self.log_failure(&error, "items cannot be waited for; will retry");
                        stop.pause(error_pause).await;
                        error_pause = (error_pause * 2).min(LONGEST_ERROR_PAUSE);
                        next_item.set(wait());
                    }
                },
                Some(turn) = under_way.join_next() => self.collect_turn(turn, &mut performed).await,
            }
        }
        self.record_performed(performed).await;
        self.end_under_way(under_way).await;
    }

    /// Claims as many items as there is room for, and starts to perform them.
    async fn claim_and_start(&self, under_way: &mut JoinSet<Turn<T>>) -> Result<()> {
        let room = self.settings.concurrency.saturating_sub(under_way.len()) as u64;
        let holder = self.queue.holder.as_ref();
        let items = self.queue.claim_leased(holder, self.task.name(), room, self.settings.lease).await?;
        if items.is_empty() {
            return Ok(());
        }
        let loaded = match self.task.load(&items).await {
            Ok(loaded) if loaded.len() == items.len() => loaded,
            Ok(_) => return Err(Error::internal("a task loaded another number of items than it was given")),
            Err(error) => {
                for item in &items {
                    self.give_back(item, &error).await;
                }
                return Err(error);
            }
        };
        for (item, loaded) in items.into_iter().zip(loaded) {
            let (task, key, fence) = (Arc::clone(&self.task), item.key.clone(), item.fence);
            let abort = under_way.spawn(async move {
                let output = task.perform(&item, &loaded).await;
                Turn { item, loaded, output }
            });
            let former = {
                let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
                leases.insert(key, HeldLease { fence, abort })
            };
            // Its lease was over, or this process would not have claimed the item again.
            if let Some(former) = former {
                former.abort.abort();
            }
        }
        Ok(())
    }

    /// Takes what is through by now, up to what is recorded together.
    async fn collect_performed(&self, under_way: &mut JoinSet<Turn<T>>, performed: &mut Vec<Performed<T>>) {
        while performed.len() < self.settings.record_batch
            && let Some(turn) = under_way.try_join_next()
        {
            self.collect_turn(turn, performed).await;
        }
    }

    async fn collect_turn(&self, turn: Result<Turn<T>, JoinError>, performed: &mut Vec<Performed<T>>) {
        match turn {
            Ok(Turn { item, loaded, output: Ok(output) }) => {
                performed.push(Performed { item, loaded, output })
            }
            Ok(Turn { item, output: Err(error), .. }) => {
                self.log_failure(&error, "queue item failed");
                self.give_back(&item, &error).await;
            }
            // Its process stops in good order, as with any task that panics.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Its lease was lost.
            Err(_) => {}
        }
    }

    /// Records items together, or, when that is refused, each by itself.
    async fn record_performed(&self, mut performed: Vec<Performed<T>>) {
        // One order for all processes: whoever locks rows in it waits for nobody who waits for them.
        performed.sort_by(|one, other| one.item.key.cmp(&other.item.key));
        if performed.is_empty() {
            return;
        }
        let together = self.record_together(&performed).await;
        for one in &performed {
            let recorded = match &together {
                Ok(()) => Ok(()),
                Err(error) if performed.len() == 1 => Err(error.clone()),
                Err(_) => self.record_together(std::slice::from_ref(one)).await,
            };
            match recorded {
                Ok(()) => self.forget_lease(&one.item),
                Err(error) => {
                    self.log_failure(&error, "queue item not recorded");
                    self.give_back(&one.item, &error).await;
                }
            }
        }
    }

    async fn record_together(&self, performed: &[Performed<T>]) -> Result<()> {
        let tx = self.queue.db.begin_behind().await?;
        let turns = self.task.record(&tx, performed).await?;
        if turns.len() != performed.len() {
            return Err(Error::internal("a task recorded another number of items than it was given"));
        }
        let (mut finished, mut failed) = (Vec::new(), 0_u32);
        for (one, turn) in performed.iter().zip(turns) {
            match turn {
                NextTurn::Finished => finished.push(&one.item),
                NextTurn::DueAt(due_at) => self.queue.repeat(&tx, &one.item, due_at).await?,
                NextTurn::RetryAt(due_at, error) => {
                    failed += 1;
                    self.queue.record_failure(&tx, &one.item, &error, Some(due_at)).await?;
                }
            }
        }
        self.queue.finish_all(&tx, finished).await?;
        tx.commit().await?;
        for _ in 0..failed {
            self.queue.metrics.count_failure(self.task.name().as_str(), false);
        }
        Ok(())
    }

    async fn give_back(&self, item: &QueueItem<T::Payload>, error: &Error) {
        self.forget_lease(item);
        if error.code() == LEASE_LOST {
            return;
        }
        match self.queue.fail(item, error, &self.settings.retry).await {
            Ok(is_dead) => {
                self.queue.metrics.count_failure(item.task, is_dead);
                if is_dead {
                    tracing::error!(task = item.task, key = item.key, %error, "queue item became a dead letter");
                }
            }
            // Its lease expires, and it is claimed again.
            Err(error) => self.log_failure(&error, "a failed item cannot be given back"),
        }
    }

    /// Lets items under way go on for a while, and hands back those that are not through.
    async fn end_under_way(&self, mut under_way: JoinSet<Turn<T>>) {
        let mut performed = Vec::new();
        let all = async {
            while let Some(turn) = under_way.join_next().await {
                self.collect_turn(turn, &mut performed).await;
                self.collect_performed(&mut under_way, &mut performed).await;
                self.record_performed(std::mem::take(&mut performed)).await;
            }
        };
        let _all_or_grace_over = tokio::time::timeout(self.settings.stop_grace, all).await;
        under_way.shutdown().await;
        let left = std::mem::take(&mut *self.leases.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, HeldLease { fence, .. }) in left {
            let item = QueueItem {
                key,
                payload: (),
                failures: 0,
                task: self.task.name().as_str(),
                fence,
                enqueue_count: 0,
            };
            if let Err(error) = self.queue.release(&item).await {
                self.log_failure(&error, "an item cannot be handed back; its lease expires");
            }
        }
    }

    /// Ends the heartbeats of an item. A later claim of the same item has a lease of its own.
    fn forget_lease(&self, item: &QueueItem<T::Payload>) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.get(&item.key).is_some_and(|lease| lease.fence == item.fence) {
            leases.remove(&item.key);
        }
    }

    /// Extends the leases of items under way, for ever. Items whose lease is lost are not performed further.
    async fn send_heartbeats(&self) -> std::convert::Infallible {
        let lease = Duration::try_from(self.settings.lease).unwrap_or_default();
        loop {
            tokio::time::sleep(lease / HEARTBEATS_PER_LEASE).await;
            let held: Vec<(String, i64)> = {
                let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
                leases.iter().map(|(key, lease)| (key.clone(), lease.fence)).collect()
            };
            if held.is_empty() {
                continue;
            }
            match self.extend_leases(&held).await {
                Ok(extended) if extended == held.len() as u64 => {}
                Ok(_) => self.find_lost_leases(&held).await,
                // The next heartbeat may reach the database.
                Err(error) => self.log_failure(&error, "leases cannot be extended; will retry"),
            }
        }
    }

    async fn extend_leases(&self, held: &[(String, i64)]) -> Result<u64> {
        let leases = held.iter().map(|(key, fence)| (key.as_str(), *fence));
        self.queue.extend_leases(self.task.name().as_str(), leases, self.settings.lease).await
    }

    async fn find_lost_leases(&self, held: &[(String, i64)]) {
        for one in held {
            if !matches!(self.extend_leases(std::slice::from_ref(one)).await, Ok(0)) {
                continue;
            }
            let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
            // It may be recorded by now, or claimed again.
            if leases.get(&one.0).is_some_and(|lease| lease.fence == one.1)
                && let Some(lost) = leases.remove(&one.0)
            {
                lost.abort.abort();
                let task = self.task.name().as_str();
                tracing::warn!(task, key = one.0, "a lease is lost; another worker has the item");
            }
        }
    }

    fn log_failure(&self, error: &Error, message: &'static str) {
        log_error!(error, task = self.task.name().as_str(), "{message}");
    }
}
