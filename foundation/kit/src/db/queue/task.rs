//! The trait `QueueTask`, by which a service processes the items of a queue.

use std::{future::Future, time::Duration};

use hearth_base::Result;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;

use super::{ItemOutcome, Queue, QueueItem, RetryPolicy, TaskName};
use crate::db::Tx;

/// Settings of a task's worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskSettings {
    /// Maximum number of items that one process processes concurrently.
    pub concurrency: usize,
    /// Maximum number of items that are recorded in one transaction.
    pub max_record_batch: usize,
    /// Retry policy of failed items.
    pub retry: RetryPolicy,
    /// Duration of a lease without a heartbeat.
    pub lease: SignedDuration,
    /// Grace period for running items at shutdown. Items that are unfinished after it are released.
    pub stop_grace: Duration,
}

impl TaskSettings {
    /// One item at a time, batches of 16, ten attempts, a grace period of ten seconds.
    pub const DEFAULT: Self = Self {
        concurrency: 1,
        max_record_batch: 16,
        retry: RetryPolicy::DEFAULT,
        lease: Queue::LEASE_DURATION,
        stop_grace: Duration::from_secs(10),
    };
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A processed item whose effects are to be recorded.
#[derive(Debug)]
pub struct PerformedItem<T: QueueTask> {
    /// The item.
    pub item: QueueItem<T::Payload>,
    /// The data that [`QueueTask::load_items`] returned.
    pub loaded: T::Loaded,
    /// The value that [`QueueTask::perform_item`] returned.
    pub output: T::Output,
}

/// A task: processes the items of a queue. The worker claims the items, extends their leases and finishes them:
///
/// 1. [`QueueTask::load_items`] reads the data for all items that were claimed together;
/// 2. [`QueueTask::perform_item`] processes one item, outside of any transaction, concurrently with others;
/// 3. [`QueueTask::record_items`] writes the effects of several items in the transaction that finishes them.
///
/// Each step may be repeated: after a crash, a lost lease or an error.
pub trait QueueTask: Send + Sync + Sized + 'static {
    /// Payload of an item: the input of the work.
    type Payload: DeserializeOwned + Send + Sync + 'static;
    /// Data that is loaded for an item before it is processed; `()` for most tasks.
    type Loaded: Default + Send + Sync + 'static;
    /// Result of processing an item; `()` for most tasks.
    type Output: Send + Sync + 'static;

    /// Name of the task.
    fn name(&self) -> TaskName<Self::Payload>;

    /// Settings of the worker.
    fn settings(&self) -> TaskSettings {
        TaskSettings::DEFAULT
    }

    /// Loads the data for items that were claimed together. Returns one value per item, in order.
    fn load_items(
        &self,
        items: &[QueueItem<Self::Payload>],
    ) -> impl Future<Output = Result<Vec<Self::Loaded>>> + Send {
        let loaded = items.iter().map(|_| Self::Loaded::default()).collect();
        async { Ok(loaded) }
    }

    /// Processes one item. After an error the item is retried by the policy [`TaskSettings::retry`].
    fn perform_item(
        &self,
        item: &QueueItem<Self::Payload>,
        loaded: &Self::Loaded,
    ) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Writes the effects of items and returns one outcome per item, in order. After an error each item is recorded
    /// in a transaction of its own, so that one failing item does not block the others.
    fn record_items(
        &self,
        tx: &Tx,
        performed: &[PerformedItem<Self>],
    ) -> impl Future<Output = Result<Vec<ItemOutcome>>> + Send {
        let _unused = tx;
        let finished = performed.iter().map(|_| ItemOutcome::Finished).collect();
        async { Ok(finished) }
    }
}
