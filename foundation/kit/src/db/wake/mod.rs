//! Wake-ups: a waiter is woken when something that it waits for has changed, in this process or in another one of the
//! same service.
//!
//! A wake-up is a hint. It says that a topic may have changed and carries nothing else: a waiter reads the database
//! again, and a lost wake-up costs a delay of at most one poll interval, never a wrong state.
//!
//! | database | how other processes are woken | poll interval |
//! |---|---|---|
//! | SQLite | there is one process for each file | 10 min, for `hearthd image import` and its like |
//! | PostgreSQL | `LISTEN`/`NOTIFY` on one connection for each [`Db`](super::Db) | 10 min; 2 s while the connection is lost |
//! | CockroachDB, MariaDB | by the poll alone | 2 s |

mod hub;
mod postgres;

use std::{
    fmt::{self, Display},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::tasks::Stop;

pub(super) use hub::{WakeHub, WakeReach};
pub(super) use postgres::connect_processes;

/// The subject of a wait: a name, and one thing of that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// The sort of thing that changes, such as `build`.
    pub name: &'static str,
    /// The key of the thing, such as a build's id; empty where there is only one.
    pub key: String,
}

impl Topic {
    /// The only topic of a name.
    pub fn named(name: &'static str) -> Self {
        Self { name, key: String::new() }
    }

    /// The topic of one thing among those of a name.
    pub fn keyed(name: &'static str, key: impl Display) -> Self {
        Self { name, key: key.to_string() }
    }
}

impl Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.key {
            "" => formatter.write_str(self.name),
            key => write!(formatter, "{}:{key}", self.name),
        }
    }
}

/// Why a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReason {
    /// A topic may have changed since the wait before this one: read it again.
    Changed,
    /// The deadline has passed.
    DeadlinePassed,
    /// The process is about to stop.
    Stopping,
}

/// Receives the wake-ups of some topics from its creation on, also those that come while nobody waits: create it first,
/// then read the state, then wait. Wake-ups that come close together count as one.
#[derive(Debug)]
pub struct WakeListener {
    hub: Arc<WakeHub>,
    id: u64,
    topics: Vec<String>,
    notify: Arc<Notify>,
    /// When the waiter has read the database last, or was about to.
    last_read: Instant,
}

impl WakeListener {
    /// Waits until a topic may have changed since the last wait, until `deadline`, or until the process stops. `Changed`
    /// also comes once per poll interval.
    pub async fn wait(&mut self, deadline: Instant, stop: &Stop) -> WakeReason {
        match stop.unless(self.wait_until(deadline)).await {
            Some(true) => WakeReason::Changed,
            Some(false) => WakeReason::DeadlinePassed,
            None => WakeReason::Stopping,
        }
    }

    /// As [`WakeListener::wait`], for a caller with no stop sign. Returns false when the deadline has passed.
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
