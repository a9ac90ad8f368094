//! Tasks that are performed every so often.

use std::{future::Future, sync::Arc};

use hearth_base::{Clock, Result};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde_json::Value;

use super::{
    NextTurn, Performed, Queue, QueueItem, RetryPolicy, Task, TaskName, TaskSettings, insert_rows,
    pool::run_worker, table::row,
};
use crate::{
    db::{At, OrFault, Tx},
    log_error,
    tasks::Stop,
    worker::Worker,
};

/// The key of the only item of a periodic task.
pub(super) const PERIODIC_KEY: &str = "turn";
/// Until a turn that failed is tried again, at most.
const RETRY_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// Between two tries while the database does not answer.
const DATABASE_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// A worker that calls `perform` every so often, with the time. However many processes have this worker on one database,
/// each turn is performed by one of them; a process that starts does not begin anew; and when one dies within its turn,
/// another repeats the turn. A turn that fails is tried again after a minute, for ever.
pub fn periodic_worker<F>(
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

async fn run_periodic<P, F>(queue: Queue, task: PeriodicTask<P>, stop: Stop)
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

/// Makes sure that there is a turn to come, and not later than it may be: a clock may have been wrong.
async fn schedule_first_turn(queue: &Queue, name: &'static str, every: SignedDuration) -> Result<()> {
    let now = queue.clock.now();
    let tx = queue.db.begin_behind().await?;
    let key = [row::Column::Task, row::Column::ItemKey];
    let keep = OnConflict::columns(key).do_nothing_on(key).to_owned();
    insert_rows(&tx, vec![queue.new_row(name, PERIODIC_KEY, &Value::Null, now)?], keep).await?;
    let earlier = row::Entity::update_many()
        .col_expr(row::Column::DueAt, Expr::value(At::from(now)))
        .col_expr(row::Column::DiedAt, Expr::value(None::<At>))
        .col_expr(row::Column::Failures, Expr::value(0))
        .filter(row::Column::Task.eq(name))
        .filter(row::Column::ItemKey.eq(PERIODIC_KEY))
        // A dead letter has no due time: a release may have left one whose payload this one can read.
        .filter(row::Column::DueAt.gt(At::from(now + every)).or(row::Column::DueAt.is_null()));
    earlier.exec(&*tx).await.or_fault()?;
    tx.commit().await
}

impl<P, F> Task for PeriodicTask<P>
where
    P: Fn(Timestamp) -> F + Send + Sync + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    type Payload = Value;
    type Loaded = ();
    /// When the turn began, and how it ended.
    type Output = (Timestamp, Result<()>);

    fn name(&self) -> TaskName<Value> {
        TaskName::new(self.name)
    }

    /// No turn is the last: nobody would enqueue another.
    fn settings(&self) -> TaskSettings {
        TaskSettings { retry: RetryPolicy::forever(self.every.min(RETRY_PAUSE)), ..TaskSettings::DEFAULT }
    }

    async fn perform(&self, _: &QueueItem<Value>, (): &()) -> Result<Self::Output> {
        let began = self.clock.now();
        Ok((began, (self.perform)(began).await))
    }

    /// The next turn is counted from the beginning of this one, not from its end.
    async fn record(&self, _: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        let next = |one: &Performed<Self>| match &one.output {
            (began, Ok(())) => NextTurn::DueAt(*began + self.every),
            (began, Err(error)) => {
                log_error!(error, task = self.name, "periodic task failed; will retry");
                NextTurn::RetryAt(*began + self.every.min(RETRY_PAUSE), error.clone())
            }
        };
        Ok(performed.iter().map(next).collect())
    }
}
