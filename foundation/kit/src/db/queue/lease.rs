//! Leases and their holders.

use std::{fmt, marker::PhantomData};

use hearth_base::{ProcessInstanceId, Role};
use serde::{Deserialize, Serialize};

/// Name of a task, with the type of its items' payloads.
pub struct TaskName<P> {
    name: &'static str,
    payload: PhantomData<fn() -> P>,
}

impl<P> TaskName<P> {
    /// A task called `name`, which is unique in its service and has at most 64 characters.
    pub const fn new(name: &'static str) -> Self {
        Self { name, payload: PhantomData }
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.name
    }
}

impl<P> Clone for TaskName<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for TaskName<P> {}

impl<P> fmt::Debug for TaskName<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Holder of leases: a role, run by one process on one state folder. The role lock ensures that there is never a
/// second such process at the same time, so a lease of a former life of the same holder is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// The role.
    pub role: Role,
    /// Identity of the state folder ([`StateFolder::read_folder_id`](crate::state::StateFolder::read_folder_id)).
    pub folder_id: String,
    /// Life of the process.
    pub life: ProcessInstanceId,
}

impl LeaseHolder {
    pub(super) fn to_text(&self) -> String {
        format!("{} {}", self.role, self.folder_id)
    }
}

/// A claimed item, leased by this worker until the lease expires.
#[derive(Debug, Clone)]
pub struct QueueItem<P> {
    /// Key of the item, unique within its task.
    pub key: String,
    /// The payload.
    pub payload: P,
    /// Number of failed attempts since the item was enqueued.
    pub failures: u32,
    pub(super) task: &'static str,
    pub(super) fence: i64,
    pub(super) enqueue_count: i64,
}

impl<P> QueueItem<P> {
    /// The ticket that proves the lease.
    pub fn to_ticket(&self) -> LeaseTicket {
        LeaseTicket { key: self.key.clone(), fence: self.fence, enqueue_count: self.enqueue_count }
    }
}

/// Proof of a lease, which a worker in another process sends with each of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseTicket {
    /// Key of the item, unique within its task.
    pub(super) key: String,
    pub(super) fence: i64,
    pub(super) enqueue_count: i64,
}

impl LeaseTicket {
    /// Key of the item, unique within its task.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Converts the ticket into the leased item. The lease is verified when the item is used.
    pub fn into_item<P>(self, task: TaskName<P>) -> QueueItem<()> {
        let Self { key, fence, enqueue_count } = self;
        QueueItem { key, payload: (), failures: 0, task: task.as_str(), fence, enqueue_count }
    }
}
