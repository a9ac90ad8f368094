//! Leases, and their holders.

use std::{fmt, marker::PhantomData};

use hearth_base::{LifeId, Role};
use serde::{Deserialize, Serialize};

/// The name of a task, with the type of its items' payloads.
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

/// The holder of leases: a role as one process plays it on one state folder. The lock on a role is why there are never two
/// such processes at one time, so that a lease of a former life of the same holder is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// The role.
    pub role: Role,
    /// The state folder ([`StateFolder::place`](crate::state::StateFolder::place)).
    pub place: String,
    /// The process.
    pub life: LifeId,
}

impl LeaseHolder {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.role, self.place)
    }
}

/// An item that this worker leases until the lease expires.
#[derive(Debug, Clone)]
pub struct QueueItem<P> {
    /// The item of its task.
    pub key: String,
    /// The payload.
    pub payload: P,
    /// How many attempts have failed since it was enqueued.
    pub failures: u32,
    pub(super) task: &'static str,
    pub(super) fence: i64,
    pub(super) enqueue_count: i64,
}

impl<P> QueueItem<P> {
    /// The proof of the lease.
    pub fn ticket(&self) -> LeaseTicket {
        LeaseTicket { key: self.key.clone(), fence: self.fence, enqueue_count: self.enqueue_count }
    }
}

/// The proof of a lease. A worker in another process brings it back with each of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseTicket {
    /// The item of its task.
    pub(super) key: String,
    pub(super) fence: i64,
    pub(super) enqueue_count: i64,
}

impl LeaseTicket {
    /// The item of its task.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The leased item of a task that this ticket was given for. Whether the lease still holds is found out when it is
    /// used.
    pub fn into_item<P>(self, task: TaskName<P>) -> QueueItem<()> {
        let Self { key, fence, enqueue_count } = self;
        QueueItem { key, payload: (), failures: 0, task: task.as_str(), fence, enqueue_count }
    }
}
