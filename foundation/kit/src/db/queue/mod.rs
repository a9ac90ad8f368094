//! Durable queues: an item is a row, leased by one worker at a time and finished once.
//!
//! A worker claims due items for the duration of a lease and sends heartbeats while it processes them. When the
//! worker dies, the lease expires and another worker claims the item with a higher fence; the first worker's later
//! writes are rejected by the fence. The leases of a process that ended are free at once for its next life. A failed
//! item is retried with exponential back-off and finally becomes a dead letter, which an operator can list and retry.
//!
//! | state of an item | `due_at` | `leased_until` |
//! |---|---|---|
//! | waiting | in the past | absent, or in the past |
//! | scheduled | in the future | absent, or in the past |
//! | running | any | in the future |
//! | dead letter | absent, with `died_at` | absent |
//!
//! Services implement [`QueueTask`] and run it with [`create_task_worker`] or [`create_periodic_worker`]; only a
//! service that leases items to another process claims and finishes them itself.

mod admin;
mod claim;
mod finish;
mod lease;
mod metrics;
mod periodic;
mod pool;
mod retry;
mod selection;
mod table;
mod task;

use std::{fmt, sync::Arc, time::Duration};

use hearth_base::{Clock, Entropy, Error, Result};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    EntityTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde::Serialize;

use super::{Db, DbTimestamp, OrDbError, Tx, wake::WakeTopic};
use table::row;

pub use lease::{LeaseHolder, LeaseTicket, QueueItem, TaskName};
pub use metrics::QueueMetrics;
pub use periodic::create_periodic_worker;
pub use pool::{create_task_worker, run_worker};
pub use retry::{ItemOutcome, RetryPolicy};
pub use selection::QueuedItem;
pub use table::CreateQueue;
pub use task::{PerformedItem, QueueTask, TaskSettings};

/// Code of the error for a worker that has lost its lease to another one.
pub const LEASE_LOST: &str = "lease-lost";

/// Draws the fence of a new item. A key that is enqueued again after its end gets another one, so the lease of the
/// former item is no lease of this one. It leaves room for 2^62 leases.
fn draw_first_fence() -> i64 {
    i64::from_le_bytes(Entropy::System.generate_bytes()) & (i64::MAX >> 1)
}

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
    /// Default duration of a lease without a heartbeat.
    pub const LEASE_DURATION: SignedDuration = SignedDuration::from_secs(30);

    /// The queue in `db`, whose items are leased to `holder`. Without a holder the items of a killed process wait
    /// until its leases expire.
    pub fn new(db: Db, clock: Arc<dyn Clock>, holder: Option<LeaseHolder>) -> Self {
        Self { db, clock, holder, metrics: QueueMetrics::default() }
    }

    /// Sets the exported metrics.
    #[must_use]
    pub fn with_metrics(mut self, metrics: QueueMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Enqueues an item, to be processed from `due_at` on, in the transaction that requires it. The commit wakes the
    /// workers.
    ///
    /// Replaces payload and due time when an item with this key exists: a waiting item is processed once, a
    /// running item or a dead letter is processed once more.
    pub async fn enqueue<P: Serialize>(
        &self,
        tx: &Tx,
        task: TaskName<P>,
        key: &str,
        payload: &P,
        due_at: Timestamp,
    ) -> Result<()> {
        self.enqueue_many(tx, task, [(key, payload, due_at)]).await
    }

    /// Enqueues several items of a task with distinct keys.
    pub async fn enqueue_many<'a, P: Serialize + 'a>(
        &self,
        tx: &Tx,
        task: TaskName<P>,
        items: impl IntoIterator<Item = (&'a str, &'a P, Timestamp)>,
    ) -> Result<()> {
        let rows = items
            .into_iter()
            .map(|(key, payload, due_at)| self.build_row(task.as_str(), key, payload, due_at));
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
            .value(row::Column::EnqueueCount, increment_column(row::Column::EnqueueCount))
            .to_owned();
        tx.wake(build_task_topic(task.as_str()));
        insert_rows(tx, rows, replace).await
    }

    fn build_row(
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
            fence: Set(draw_first_fence()),
            failures: Set(0),
            last_error: Set(None),
            died_at: Set(None),
        })
    }

    /// Waits until an item of a task is due or a lease expires, at most `max_wait`.
    pub async fn wait<P>(&self, task: TaskName<P>, max_wait: Duration) -> Result<()> {
        let (holder, task) = (self.holder.as_ref(), task.as_str());
        let deadline = tokio::time::Instant::now() + max_wait;
        let mut listener = self.db.listen([build_task_topic(task)]);
        loop {
            let next = self.find_next_due_at(holder, task, self.clock.now()).await?;
            loop {
                let left = deadline.saturating_duration_since(tokio::time::Instant::now());
                let pause = compute_pause(self.clock.now(), next, left);
                if pause.is_zero() {
                    return Ok(());
                }
                // The wake-up may announce an item that is due later: read the table again.
                if listener.wait_for(pause).await {
                    break;
                }
            }
        }
    }
}

/// Maximum wait for a due time before the clock is read again: it may have been set, or the machine may have slept.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Computes the pause until an item that is due at `next`, at most `left`; zero when the wait is over.
fn compute_pause(now: Timestamp, next: Option<Timestamp>, left: Duration) -> Duration {
    match next {
        None => left,
        Some(next) => {
            let until_due = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            until_due.min(left).min(CLOCK_CHECK_INTERVAL)
        }
    }
}

/// The wake-up topic for enqueued items of a task.
fn build_task_topic(task: &str) -> WakeTopic {
    WakeTopic::with_key("queue", task)
}

async fn insert_rows(tx: &Tx, rows: Vec<row::ActiveModel>, on_conflict: OnConflict) -> Result<()> {
    let insert = row::Entity::insert_many(rows).on_conflict(on_conflict);
    insert.exec_without_returning(&**tx).await.or_db_error().map(|_| ())
}

fn increment_column(column: row::Column) -> Expr {
    Expr::col((row::Entity, column)).add(1)
}

/// Adds the assignments that end a lease to an update.
fn end_lease(update: sea_orm::UpdateMany<row::Entity>) -> sea_orm::UpdateMany<row::Entity> {
    update
        .col_expr(row::Column::LeasedUntil, Expr::value(None::<DbTimestamp>))
        .col_expr(row::Column::LeaseHolder, Expr::value(None::<String>))
        .col_expr(row::Column::LeaseHolderLife, Expr::value(None::<String>))
}

/// Returns the error `lease-lost` when an update changed no row, because another worker has the lease.
fn require_lease(rows: u64) -> Result<()> {
    match rows {
        0 => Err(Error::conflict(LEASE_LOST, "the lease has expired and another worker has the item")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_is_checked_only_while_a_scheduled_item_exists() {
        let (now, hour) = (Timestamp::UNIX_EPOCH, Duration::from_secs(3600));
        let later = |seconds| Some(now + SignedDuration::from_secs(seconds));
        assert_eq!(
            compute_pause(now, None, hour),
            hour,
            "without a scheduled item only a wake-up ends the wait"
        );
        assert_eq!(compute_pause(now, later(600), hour), CLOCK_CHECK_INTERVAL);
        assert_eq!(compute_pause(now, later(7), hour), Duration::from_secs(7));
        assert_eq!(compute_pause(now, later(7), Duration::from_secs(3)), Duration::from_secs(3));
        for due in [later(0), later(-7)] {
            assert_eq!(compute_pause(now, due, hour), Duration::ZERO);
        }
        assert_eq!(compute_pause(now, None, Duration::ZERO), Duration::ZERO);
    }
}
