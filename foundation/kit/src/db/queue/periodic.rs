//! Periodic tasks: a task with a single item that is rescheduled after every turn.

use std::{future::Future, sync::Arc};

use hearth_base::{Clock, Result};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde_json::Value;

use super::{
    ItemOutcome, PerformedItem, Queue, QueueItem, QueueTask, RetryPolicy, TaskName, TaskSettings,
    insert_rows, pool::run_worker, table::row,
};
use crate::{
    db::{DbTimestamp, OrDbError, Tx},
    log_error,
    tasks::ShutdownSignal,
    worker::Worker,
};

/// Key of the only item of a periodic task.
pub(super) const PERIODIC_KEY: &str = "turn";
/// Maximum pause before a failed turn is retried.
const MAX_RETRY_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// Pause between attempts while the database does not respond.
const DATABASE_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// Creates a worker that calls `perform` with the current time once per interval `every`.
///
/// Of all processes with this worker on one database, one executes each turn. A restart does not shift the schedule.
/// Another process repeats the turn when the first one dies. A failed turn is retried after at most a minute,
/// without limit.
pub fn create_periodic_worker<F>(
    queue: &Queue,
    name: &'static str,
    every: SignedDuration,
    perform: impl Fn(Timestamp) -> F + Send + Sync + 'static,
) -> Worker
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let queue = queue.clone();
    queue.metrics.watch_task(name, &queue);
    let task = PeriodicTask { name, every, clock: queue.clock.clone(), perform };
    Worker::new(name, move |stop| async move { run_periodic(queue, task, stop).await })
}

struct PeriodicTask<P> {
    name: &'static str,
    every: SignedDuration,
    clock: Arc<dyn Clock>,
    perform: P,
}

async fn run_periodic<P, F>(queue: Queue, task: PeriodicTask<P>, stop: ShutdownSignal)
where
    P: Fn(Timestamp) -> F + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    while let Err(error) = schedule_first_turn(&queue, task.name, task.every).await {
        log_error!(&error, task = task.name, "periodic task not scheduled; will retry");
        if stop.pause(DATABASE_PAUSE).await {
            return;
        }
    }
    run_worker(queue, task, stop).await;
}

/// Ensures that a turn is scheduled, and at most `every` from now: the clock may have been wrong before.
async fn schedule_first_turn(queue: &Queue, name: &'static str, every: SignedDuration) -> Result<()> {
    let now = queue.clock.now();
    let tx = queue.db.begin_background().await?;
    let key = [row::Column::Task, row::Column::ItemKey];
    let keep = OnConflict::columns(key).do_nothing_on(key).to_owned();
    insert_rows(&tx, vec![queue.build_row(name, PERIODIC_KEY, &Value::Null, now)?], keep).await?;
    let earlier = row::Entity::update_many()
        .col_expr(row::Column::DueAt, Expr::value(DbTimestamp::from(now)))
        .col_expr(row::Column::DiedAt, Expr::value(None::<DbTimestamp>))
        .col_expr(row::Column::Failures, Expr::value(0))
        .filter(row::Column::Task.eq(name))
        .filter(row::Column::ItemKey.eq(PERIODIC_KEY))
        // A dead letter has no due time: another release may have failed to read a payload that this one can read.
        .filter(row::Column::DueAt.gt(DbTimestamp::from(now + every)).or(row::Column::DueAt.is_null()));
    earlier.exec(&*tx).await.or_db_error()?;
    tx.commit().await
}

impl<P, F> QueueTask for PeriodicTask<P>
where
    P: Fn(Timestamp) -> F + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    type Payload = Value;
    type Loaded = ();
    /// Start time and result of the turn.
    type Output = (Timestamp, Result<()>);

    fn name(&self) -> TaskName<Value> {
        TaskName::new(self.name)
    }

    /// Unlimited retries: after a dead letter no turn would follow.
    fn settings(&self) -> TaskSettings {
        TaskSettings {
            retry: RetryPolicy::with_unlimited_attempts(self.every.min(MAX_RETRY_PAUSE)),
            ..TaskSettings::DEFAULT
        }
    }

    async fn perform_item(&self, _: &QueueItem<Value>, (): &()) -> Result<Self::Output> {
        let began = self.clock.now();
        Ok((began, (self.perform)(began).await))
    }

    /// The next turn is scheduled from the start of this one, not from its end.
    async fn record_items(&self, _: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        let next = |one: &PerformedItem<Self>| match &one.output {
            (began, Ok(())) => ItemOutcome::DueAt(*began + self.every),
            (began, Err(error)) => {
                log_error!(error, task = self.name, "periodic task failed; will retry");
                ItemOutcome::RetryAt(*began + self.every.min(MAX_RETRY_PAUSE), error.clone())
            }
        };
        Ok(performed.iter().map(next).collect())
    }
}
