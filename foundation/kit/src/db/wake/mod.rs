//! Wake-ups: a commit wakes the waiters of the topics that it changes, in this process and in other processes of the
//! same service.
//!
//! A wake-up is a hint that a topic may have changed and carries no data: the waiter reads the database again. A lost
//! wake-up delays a waiter by at most one poll interval and never causes a wrong state.
//!
//! | database | wake-up of other processes | poll interval |
//! |---|---|---|
//! | SQLite | none: one process per file | 10 min, for commands such as `hearthd image import` |
//! | PostgreSQL | `LISTEN`/`NOTIFY` on one connection for each [`Db`](super::Db) | 10 min; 2 s while the connection is lost |
//! | CockroachDB, MariaDB | none: they poll | 2 s |

mod hub;
mod postgres;

use std::{
    fmt::{self, Display},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::tasks::ShutdownSignal;

pub(super) use hub::{WakeHub, WakeReach};
pub(super) use postgres::connect_processes;

/// Topic of wake-ups: a kind of object and the key of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WakeTopic {
    /// Kind of object, such as `build`.
    pub name: &'static str,
    /// Key of the object, such as a build's id; empty for a topic without objects.
    pub key: String,
}

impl WakeTopic {
    /// The topic `name` without a key.
    pub fn new(name: &'static str) -> Self {
        Self { name, key: String::new() }
    }

    /// The topic of the object `key` of the kind `name`.
    pub fn with_key(name: &'static str, key: impl Display) -> Self {
        Self { name, key: key.to_string() }
    }
}

impl Display for WakeTopic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.key {
            "" => formatter.write_str(self.name),
            key => write!(formatter, "{}:{key}", self.name),
        }
    }
}

/// Reason why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReason {
    /// A topic may have changed since the previous wait: read the state again.
    Changed,
    /// The deadline has passed.
    DeadlinePassed,
    /// The process shuts down.
    Stopping,
}

/// Listener that receives the wake-ups of its topics from its creation on, including those between two waits: create
/// it first, then read the state, then wait. Wake-ups between two waits are merged into one.
#[derive(Debug)]
pub struct WakeListener {
    hub: Arc<WakeHub>,
    id: u64,
    topics: Vec<String>,
    notify: Arc<Notify>,
    /// Time of the last wake-up or poll, after which the waiter reads the database.
    last_read: Instant,
}

impl WakeListener {
    /// Waits until a topic may have changed since the last wait, until `deadline`, or until shutdown. `Changed` is
    /// also returned once per poll interval.
    pub async fn wait(&mut self, deadline: Instant, stop: &ShutdownSignal) -> WakeReason {
        match stop.run_until_shutdown(self.wait_until(deadline)).await {
            Some(true) => WakeReason::Changed,
            Some(false) => WakeReason::DeadlinePassed,
            None => WakeReason::Stopping,
        }
    }

    /// As [`WakeListener::wait`], without a shutdown signal. Returns false when the deadline has passed.
    pub async fn wait_until(&mut self, deadline: Instant) -> bool {
        let poll = self.last_read + self.hub.poll_interval();
        let woken = tokio::time::timeout_at(deadline.min(poll), self.notify.notified()).await;
        let has_to_read = woken.is_ok() || poll < deadline;
        if has_to_read {
            self.last_read = Instant::now();
        }
        has_to_read
    }

    /// As [`WakeListener::wait_until`], for at most `time` from now.
    pub async fn wait_for(&mut self, time: Duration) -> bool {
        self.wait_until(Instant::now() + time).await
    }
}

impl Drop for WakeListener {
    fn drop(&mut self) {
        self.hub.remove_listener(self.id, &self.topics);
    }
}
