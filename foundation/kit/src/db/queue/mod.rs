//! Queues: whatever happens later is a row, claimed by one worker at a time and finished once.
//!
//! A worker claims items that are due, for the length of a lease, and sends heartbeats for those that it still works
//! on. When it dies, the lease expires and another worker takes over, with a higher fence: whatever the first one still
//! writes is refused. What a process leaves behind when it ends, its next life takes up at once. An item that fails is
//! tried again with growing pauses, and becomes a dead letter in the end, which an operator sees and retries.
//!
//! | state of an item | `due_at` | `leased_until` |
//! |---|---|---|
//! | waiting | in the past | absent, or in the past |
//! | scheduled | in the future | absent, or in the past |
//! | running | | in the future |
//! | dead letter | absent, with `died_at` | absent |
//!
//! Services implement [`Task`] and start it with [`worker`] or [`periodic_worker`]; only a service that hands leases to
//! another process claims and finishes items itself.

mod admin;
mod claim;
mod finish;
mod lease;
mod metrics;
mod periodic;
mod pool;
mod retry;
mod table;
mod task;

use std::{fmt, sync::Arc, time::Duration};

use hearth_base::{Clock, Error, Result};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    EntityTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde::Serialize;

use super::{At, Db, OrFault, Tx, wake::Topic};
use table::row;

pub use lease::{LeaseHolder, LeaseTicket, QueueItem, TaskName};
pub use metrics::QueueMetrics;
pub use periodic::periodic_worker;
pub use pool::{run_worker, worker};
pub use retry::{NextTurn, RetryPolicy};
pub use table::CreateQueue;
pub use task::{Performed, Task, TaskSettings};

/// The code of the refusal of a worker whose lease is another's by now.
pub const LEASE_LOST: &str = "lease-lost";

/// The queue of one service.
#[derive(Clone)]
pub struct Queue {
    db: Db,
    clock: Arc<dyn Clock>,
    holder: Option<LeaseHolder>,
    metrics: QueueMetrics,
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").field("holder", &self.holder).finish_non_exhaustive()
    }
}

impl Queue {
    /// How long a lease lasts without a heartbeat, unless the task says otherwise.
    pub const LEASE_DURATION: SignedDuration = SignedDuration::from_secs(30);

    /// The queue in `db`, whose items `holder` claims. Without one, what a process leaves behind waits until its leases
    /// expire.
    pub fn new(db: Db, clock: Arc<dyn Clock>, holder: Option<LeaseHolder>) -> Self {
        Self { db, clock, holder, metrics: QueueMetrics::default() }
    }

    /// With metrics that are exported.
    #[must_use]
    pub fn with_metrics(mut self, metrics: QueueMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Enqueues an item in the transaction that makes it necessary, for the task to perform from `due_at` on. One that
    /// is there already is performed once more with the newest payload, also when it is running or a dead letter; while
    /// it waits, twice is once. The commit wakes the workers.
    pub async fn enqueue<P: Serialize>(
        &self,
        tx: &Tx,
        task: TaskName<P>,
        key: &str,
        payload: &P,
        due_at: Timestamp,
    ) -> Result<()> {
        self.enqueue_all(tx, task, [(key, payload, due_at)]).await
    }

    /// Enqueues several items of a task, each at most once.
    pub async fn enqueue_all<'a, P: Serialize + 'a>(
        &self,
        tx: &Tx,
        task: TaskName<P>,
        items: impl IntoIterator<Item = (&'a str, &'a P, Timestamp)>,
    ) -> Result<()> {
        let rows =
            items.into_iter().map(|(key, payload, due_at)| self.new_row(task.as_str(), key, payload, due_at));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        let replace = OnConflict::columns([row::Column::Task, row::Column::ItemKey])
            .update_columns([
                row::Column::Payload,
                row::Column::EnqueuedAt,
                row::Column::DueAt,
                row::Column::Failures,
                row::Column::LastError,
                row::Column::DiedAt,
            ])
            .value(row::Column::EnqueueCount, one_more(row::Column::EnqueueCount))
            .to_owned();
        tx.wake(task_topic(task.as_str()));
        insert_rows(tx, rows, replace).await
    }

    fn new_row(
        &self,
        task: &str,
        key: &str,
        payload: &impl Serialize,
        due_at: Timestamp,
    ) -> Result<row::ActiveModel> {
        Ok(row::ActiveModel {
            task: Set(task.to_owned()),
            item_key: Set(key.to_owned()),
            payload: Set(serde_json::to_value(payload).map_err(Error::internal)?),
            enqueued_at: Set(self.clock.now().into()),
            enqueue_count: Set(1),
            due_at: Set(Some(due_at.into())),
            leased_until: Set(None),
            lease_holder: Set(None),
            lease_holder_life: Set(None),
            fence: Set(0),
            failures: Set(0),
            last_error: Set(None),
            died_at: Set(None),
        })
    }

    /// Waits until an item of a task is due, or until a lease expires; at most `most`.
    pub async fn wait<P>(&self, task: TaskName<P>, most: Duration) -> Result<()> {
        self.wait_as(self.holder.as_ref(), task.as_str(), most).await
    }

    /// As [`Queue::wait`], for a worker in another process.
    pub async fn wait_for<P>(
        &self,
        holder: Option<&LeaseHolder>,
        task: TaskName<P>,
        most: Duration,
    ) -> Result<()> {
        self.wait_as(holder, task.as_str(), most).await
    }

    async fn wait_as(&self, holder: Option<&LeaseHolder>, task: &'static str, most: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + most;
        let mut listener = self.db.listen([task_topic(task)]);
        loop {
            let next = self.next_due_at(holder, task, self.clock.now()).await?;
            loop {
                let left = deadline.saturating_duration_since(tokio::time::Instant::now());
                let pause = pause_until_due(self.clock.now(), next, left);
                if pause.is_zero() {
                    return Ok(());
                }
                // A wake-up may be of an item that comes later: the table is read again.
                if listener.wait_for(pause).await {
                    break;
                }
            }
        }
    }
}

/// The longest wait for a known time before the clock is read again: somebody may have set it, and the machine may have
/// slept.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// How long to wait for an item that is due at `next`, if there is one, with `left` to go: zero when the wait is over.
fn pause_until_due(now: Timestamp, next: Option<Timestamp>, left: Duration) -> Duration {
    match next {
        None => left,
        Some(next) => {
            let until_due = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            until_due.min(left).min(CLOCK_CHECK_INTERVAL)
        }
    }
}

/// An item of a task has become due, or will.
fn task_topic(task: &str) -> Topic {
    Topic::keyed("queue", task)
}

async fn insert_rows(tx: &Tx, rows: Vec<row::ActiveModel>, on_conflict: OnConflict) -> Result<()> {
    let insert = row::Entity::insert_many(rows).on_conflict(on_conflict);
    insert.exec_without_returning(&**tx).await.or_fault().map(|_| ())
}

fn one_more(column: row::Column) -> Expr {
    Expr::col((row::Entity, column)).add(1)
}

/// The update that ends a lease.
fn end_lease(update: sea_orm::UpdateMany<row::Entity>) -> sea_orm::UpdateMany<row::Entity> {
    update
        .col_expr(row::Column::LeasedUntil, Expr::value(None::<At>))
        .col_expr(row::Column::LeaseHolder, Expr::value(None::<String>))
        .col_expr(row::Column::LeaseHolderLife, Expr::value(None::<String>))
}

/// Refuses a worker whose update changed no row: its lease is another's.
fn require_lease(rows: u64) -> Result<()> {
    match rows {
        0 => Err(Error::conflict(LEASE_LOST, "the lease has expired, and another worker has the item")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_worker_looks_at_the_clock_only_for_an_item_that_comes_later() {
        let (now, hour) = (Timestamp::UNIX_EPOCH, Duration::from_secs(3600));
        let later = |seconds| Some(now + SignedDuration::from_secs(seconds));
        assert_eq!(pause_until_due(now, None, hour), hour, "nothing is due: only a wake-up counts");
        assert_eq!(pause_until_due(now, later(600), hour), CLOCK_CHECK_INTERVAL);
        assert_eq!(pause_until_due(now, later(7), hour), Duration::from_secs(7));
        assert_eq!(pause_until_due(now, later(7), Duration::from_secs(3)), Duration::from_secs(3));
        for due in [later(0), later(-7)] {
            assert_eq!(pause_until_due(now, due, hour), Duration::ZERO);
        }
        assert_eq!(pause_until_due(now, None, Duration::ZERO), Duration::ZERO);
    }
}
