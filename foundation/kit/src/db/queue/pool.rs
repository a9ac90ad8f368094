//! Worker of a task: claims items, processes several concurrently, records the results, and extends the leases.
//!
//! | event | action of the worker |
//! |---|---|
//! | an item is due and concurrency allows it | claims the item, loads its data and starts to process it |
//! | an item was processed | records it, together with other processed items, in one transaction |
//! | processing or recording failed | returns the item to the queue by the task's retry policy |
//! | a lease is lost | aborts the item: another worker has it |
//! | shutdown | claims no more items, waits for running items up to the grace period, releases the rest |

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hearth_base::{Error, Result};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::{ItemOutcome, LEASE_LOST, PerformedItem, Queue, QueueItem, QueueTask, TaskSettings};
use crate::{log_error, tasks::ShutdownSignal, worker::Worker};

/// Heartbeats are sent every quarter of a lease: three can fail or be late before it expires.
const HEARTBEATS_PER_LEASE: u32 = 4;
/// Maximum wait for an item. A wake-up ends it earlier, or a poll on databases without notifications.
const MAX_ITEM_WAIT: Duration = Duration::from_secs(3600);
const FIRST_ERROR_PAUSE: Duration = Duration::from_millis(200);
const MAX_ERROR_PAUSE: Duration = Duration::from_secs(10);

/// Creates a worker that processes the items of a task.
pub fn create_task_worker<T: QueueTask>(queue: &Queue, task: T) -> Worker {
    let (queue, name) = (queue.clone(), task.name().as_str());
    queue.metrics.watch_task(name, &queue);
    Worker::new(name, move |stop| async move { run_worker(queue, task, stop).await })
}

/// Processes the items of a task until shutdown.
pub async fn run_worker<T: QueueTask>(queue: Queue, task: T, stop: ShutdownSignal) {
    let settings = task.settings();
    let pool = WorkerPool { queue, task: Arc::new(task), settings, leases: Arc::default() };
    tokio::select! {
        () = pool.run(&stop) => {}
        never = pool.send_heartbeats() => match never {},
    }
}

/// A processed item with its loaded data and its result.
struct ItemAttempt<T: QueueTask> {
    item: QueueItem<T::Payload>,
    loaded: T::Loaded,
    output: Result<T::Output>,
}

/// A lease that is extended by heartbeats.
struct ActiveLease {
    fence: i64,
    /// Aborts the processing of the item.
    abort: AbortHandle,
}

struct WorkerPool<T: QueueTask> {
    queue: Queue,
    task: Arc<T>,
    settings: TaskSettings,
    /// By the key of the item.
    leases: Arc<Mutex<BTreeMap<String, ActiveLease>>>,
}

impl<T: QueueTask> WorkerPool<T> {
    async fn run(&self, stop: &ShutdownSignal) {
        let mut error_pause = FIRST_ERROR_PAUSE;
        // Spawned, so that they continue while this loop waits for the database.
        let mut running = JoinSet::new();
        let mut performed = Vec::new();
        let mut may_be_due = true;
        // Pinned outside of the loop: the wait continues when an item finishes.
        let wait = || self.queue.wait(self.task.name(), MAX_ITEM_WAIT);
        let mut next_item = pin!(wait());
        while !stop.is_set() {
            self.collect_performed(&mut running, &mut performed).await;
            self.record_performed(std::mem::take(&mut performed)).await;
            if may_be_due && running.len() < self.settings.concurrency {
                if let Err(error) = self.claim_and_start(&mut running).await {
                    self.log_failure(&error, "claiming items failed; will retry");
                    stop.pause(error_pause).await;
                    error_pause = (error_pause * 2).min(MAX_ERROR_PAUSE);
                    continue;
                }
                error_pause = FIRST_ERROR_PAUSE;
                // When the concurrency limit is reached, more items may be due.
                may_be_due = running.len() >= self.settings.concurrency;
                next_item.set(wait());
            }
            tokio::select! {
                // Due items before finished ones: with finished items always ready, a due item would never be
                // claimed.
                biased;
                () = stop.wait() => {}
                waited = &mut next_item, if !may_be_due => match waited {
                    Ok(()) => may_be_due = true,
                    Err(error) => {
                        self.log_failure(&error, "waiting for items failed; will retry");
                        stop.pause(error_pause).await;
                        error_pause = (error_pause * 2).min(MAX_ERROR_PAUSE);
                        next_item.set(wait());
                    }
                },
                Some(turn) = running.join_next() => self.collect_attempt(turn, &mut performed).await,
            }
        }
        self.record_performed(performed).await;
        self.drain_running_items(running).await;
    }

    /// Claims items up to the concurrency limit and starts to process them.
    async fn claim_and_start(&self, running: &mut JoinSet<ItemAttempt<T>>) -> Result<()> {
        let max_items = self.settings.concurrency.saturating_sub(running.len()) as u64;
        let holder = self.queue.holder.as_ref();
        let items =
            self.queue.claim_with_lease(holder, self.task.name(), max_items, self.settings.lease).await?;
        if items.is_empty() {
            return Ok(());
        }
        let loaded = match self.task.load_items(&items).await {
            Ok(loaded) if loaded.len() == items.len() => loaded,
            Ok(_) => return Err(Error::internal("load_items returned a wrong number of items")),
            Err(error) => {
                for item in &items {
                    self.return_failed_item(item, &error).await;
                }
                return Err(error);
            }
        };
        for (item, loaded) in items.into_iter().zip(loaded) {
            let (task, key, fence) = (Arc::clone(&self.task), item.key.clone(), item.fence);
            let abort = running.spawn(async move {
                let output = task.perform_item(&item, &loaded).await;
                ItemAttempt { item, loaded, output }
            });
            let former = {
                let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
                leases.insert(key, ActiveLease { fence, abort })
            };
            // The former lease had expired: otherwise this process could not have claimed the item again.
            if let Some(former) = former {
                former.abort.abort();
            }
        }
        Ok(())
    }

    /// Collects the items that are finished by now, up to the size of a batch.
    async fn collect_performed(
        &self,
        running: &mut JoinSet<ItemAttempt<T>>,
        performed: &mut Vec<PerformedItem<T>>,
    ) {
        while performed.len() < self.settings.max_record_batch
            && let Some(turn) = running.try_join_next()
        {
            self.collect_attempt(turn, performed).await;
        }
    }

    async fn collect_attempt(
        &self,
        turn: Result<ItemAttempt<T>, JoinError>,
        performed: &mut Vec<PerformedItem<T>>,
    ) {
        match turn {
            Ok(ItemAttempt { item, loaded, output: Ok(output) }) => {
                performed.push(PerformedItem { item, loaded, output })
            }
            Ok(ItemAttempt { item, output: Err(error), .. }) => {
                self.log_failure(&error, "queue item failed");
                self.return_failed_item(&item, &error).await;
            }
            // Propagate the panic: it shuts the process down in order, as for every task.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Aborted because its lease was lost.
            Err(_) => {}
        }
    }

    /// Records items in one transaction or, when that fails, each in its own.
    async fn record_performed(&self, mut performed: Vec<PerformedItem<T>>) {
        // The same lock order in all processes prevents deadlocks.
        performed.sort_by(|one, other| one.item.key.cmp(&other.item.key));
        if performed.is_empty() {
            return;
        }
        let batch_result = self.record_batch(&performed).await;
        for one in &performed {
            let recorded = match &batch_result {
                Ok(()) => Ok(()),
                Err(error) if performed.len() == 1 => Err(error.clone()),
                Err(_) => self.record_batch(std::slice::from_ref(one)).await,
            };
            match recorded {
                Ok(()) => self.forget_lease(&one.item),
                Err(error) => {
                    self.log_failure(&error, "queue item not recorded");
                    self.return_failed_item(&one.item, &error).await;
                }
            }
        }
    }

    async fn record_batch(&self, performed: &[PerformedItem<T>]) -> Result<()> {
        let tx = self.queue.db.begin_background().await?;
        let turns = self.task.record_items(&tx, performed).await?;
        if turns.len() != performed.len() {
            return Err(Error::internal("record_items returned a wrong number of outcomes"));
        }
        let (mut finished, mut failed) = (Vec::new(), 0_u32);
        for (one, turn) in performed.iter().zip(turns) {
            match turn {
                ItemOutcome::Finished => finished.push(&one.item),
                ItemOutcome::DueAt(due_at) => self.queue.reschedule_item(&tx, &one.item, due_at).await?,
                ItemOutcome::RetryAt(due_at, error) => {
                    failed += 1;
                    self.queue.record_failure(&tx, &one.item, &error, Some(due_at)).await?;
                }
            }
        }
        self.queue.finish_items(&tx, finished).await?;
        tx.commit().await?;
        for _ in 0..failed {
            self.queue.metrics.count_failure(self.task.name().as_str(), false);
        }
        Ok(())
    }

    async fn return_failed_item(&self, item: &QueueItem<T::Payload>, error: &Error) {
        self.forget_lease(item);
        if error.code() == LEASE_LOST {
            return;
        }
        match self.queue.fail_item(item, error, &self.settings.retry).await {
            Ok(is_dead) => {
                self.queue.metrics.count_failure(item.task, is_dead);
                if is_dead {
                    tracing::error!(task = item.task, key = item.key, %error, "queue item became a dead letter");
                }
            }
            // The lease expires and the item is claimed again.
            Err(error) => {
                self.log_failure(&error, "failed item not returned to the queue; its lease expires")
            }
        }
    }

    /// Waits for running items up to the grace period and releases the unfinished ones.
    async fn drain_running_items(&self, mut running: JoinSet<ItemAttempt<T>>) {
        let mut performed = Vec::new();
        let all = async {
            while let Some(turn) = running.join_next().await {
                self.collect_attempt(turn, &mut performed).await;
                self.collect_performed(&mut running, &mut performed).await;
                self.record_performed(std::mem::take(&mut performed)).await;
            }
        };
        let _all_or_grace_over = tokio::time::timeout(self.settings.stop_grace, all).await;
        running.shutdown().await;
        let unfinished = std::mem::take(&mut *self.leases.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, ActiveLease { fence, .. }) in unfinished {
            let item = QueueItem {
                key,
                payload: (),
                failures: 0,
                task: self.task.name().as_str(),
                fence,
                enqueue_count: 0,
            };
            if let Err(error) = self.queue.release_item(&item).await {
                self.log_failure(&error, "item not released; its lease expires");
            }
        }
    }

    /// Ends the heartbeats of an item. A later claim of the same item has another fence and is left alone.
    fn forget_lease(&self, item: &QueueItem<T::Payload>) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.get(&item.key).is_some_and(|lease| lease.fence == item.fence) {
            leases.remove(&item.key);
        }
    }

    /// Extends the leases of running items, forever. Aborts items whose lease is lost.
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
                Ok(_) => self.abort_lost_leases(&held).await,
                // The next heartbeat may reach the database in time.
                Err(error) => self.log_failure(&error, "extending leases failed; will retry"),
            }
        }
    }

    async fn extend_leases(&self, held: &[(String, i64)]) -> Result<u64> {
        let leases = held.iter().map(|(key, fence)| (key.as_str(), *fence));
        self.queue.extend_leases(self.task.name().as_str(), leases, self.settings.lease).await
    }

    async fn abort_lost_leases(&self, held: &[(String, i64)]) {
        for one in held {
            if !matches!(self.extend_leases(std::slice::from_ref(one)).await, Ok(0)) {
                continue;
            }
            let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
            // The item may have been recorded or claimed again in the meantime.
            if leases.get(&one.0).is_some_and(|lease| lease.fence == one.1)
                && let Some(lost) = leases.remove(&one.0)
            {
                lost.abort.abort();
                let task = self.task.name().as_str();
                tracing::warn!(task, key = one.0, "lease lost; another worker has the item");
            }
        }
    }

    fn log_failure(&self, error: &Error, message: &'static str) {
        log_error!(error, task = self.task.name().as_str(), "{message}");
    }
}
