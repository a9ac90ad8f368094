//! The `Task` trait, by which a service says how its items are performed.

use std::{future::Future, time::Duration};

use hearth_base::Result;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;

use super::{NextTurn, Queue, QueueItem, RetryPolicy, TaskName};
use crate::db::Tx;

/// How a worker performs the items of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskSettings {
    /// How many items one process performs at a time.
    pub concurrency: usize,
    /// How many performed items are recorded in one transaction at most.
    pub record_batch: usize,
    /// When a failed item is tried again.
    pub retry: RetryPolicy,
    /// How long a lease lasts without a heartbeat.
    pub lease: SignedDuration,
    /// How long items under way may go on when the process stops. Those that are not through by then are handed back.
    pub stop_grace: Duration,
}

impl TaskSettings {
    /// One item at a time, ten attempts, ten seconds of grace.
    pub const DEFAULT: Self = Self {
        concurrency: 1,
        record_batch: 16,
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

/// An item that was performed, and is to be recorded.
#[derive(Debug)]
pub struct Performed<T: Task> {
    /// The item.
    pub item: QueueItem<T::Payload>,
    /// The data that was loaded for it.
    pub loaded: T::Loaded,
    /// The value that [`Task::perform`] returned.
    pub output: T::Output,
}

/// Work that is queued. The worker claims items, keeps their leases, and ends them:
///
/// 1. [`Task::load`] reads what is needed for all items that were claimed together;
/// 2. [`Task::perform`] acts on one item, outside of any transaction, beside others;
/// 3. [`Task::record`] writes the effects of several items in the transaction in which the worker finishes them.
///
/// Each may be repeated: after a crash, after a lost lease, after an error.
pub trait Task: Send + Sync + Sized + 'static {
    /// The payload of an item, which says what is to be done.
    type Payload: DeserializeOwned + Send + Sync + 'static;
    /// The data that is read for an item before it is performed; `()` for most.
    type Loaded: Default + Send + Sync + 'static;
    /// The result of performing an item; `()` for most.
    type Output: Send + Sync + 'static;

    /// The name of the task.
    fn name(&self) -> TaskName<Self::Payload>;

    /// How its items are performed.
    fn settings(&self) -> TaskSettings {
        TaskSettings::DEFAULT
    }

    /// Reads what is needed for items that were claimed together, in their order.
    fn load(
        &self,
        items: &[QueueItem<Self::Payload>],
    ) -> impl Future<Output = Result<Vec<Self::Loaded>>> + Send {
        let loaded = items.iter().map(|_| Self::Loaded::default()).collect();
        async { Ok(loaded) }
    }

    /// Acts on one item. An error gives it back by the policy of [`TaskSettings::retry`].
    fn perform(
        &self,
        item: &QueueItem<Self::Payload>,
        loaded: &Self::Loaded,
    ) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Writes the effects of items, and says what comes next for each, in their order. After an error each item is
    /// recorded by itself, so that one that is refused is no hindrance to the others.
    fn record(
        &self,
        tx: &Tx,
        performed: &[Performed<Self>],
    ) -> impl Future<Output = Result<Vec<NextTurn>>> + Send {
        let _unused = tx;
        let finished = performed.iter().map(|_| NextTurn::Finished).collect();
        async { Ok(finished) }
    }
}
