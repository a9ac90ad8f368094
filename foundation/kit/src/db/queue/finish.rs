//! Finishing, rescheduling and failing of claimed items.

use hearth_base::{Error, Result};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};

use super::{Queue, QueueItem, RetryPolicy, build_task_topic, end_lease, require_lease, table::row};
use crate::db::{DbTimestamp, OrDbError, Tx};

impl Queue {
    /// Finishes an item in the transaction of its effect. Error `lease-lost` (conflict) when another worker has the
    /// item; then the transaction must be rolled back. An item that was enqueued again in the meantime is processed
    /// once more.
    pub async fn finish_item<P>(&self, tx: &Tx, item: &QueueItem<P>) -> Result<()> {
        self.finish_items(tx, [item]).await
    }

    /// Finishes several items of a task in the transaction of their effects. Error `lease-lost` (conflict) when
    /// another worker has one of the items; then the transaction must be rolled back.
    pub async fn finish_items<'a, P: 'a>(
        &self,
        tx: &Tx,
        items: impl IntoIterator<Item = &'a QueueItem<P>, IntoIter: Clone>,
    ) -> Result<()> {
        let items = items.into_iter();
        let count = items.clone().count() as u64;
        if count == 0 {
            return Ok(());
        }
        let any = |one: fn(&QueueItem<P>) -> Condition| {
            items.clone().map(one).fold(Condition::any(), Condition::add)
        };
        let finished = any(|item| is_leased(item).add(row::Column::EnqueueCount.eq(item.enqueue_count)));
        let finished =
            row::Entity::delete_many().filter(finished).exec(&**tx).await.or_db_error()?.rows_affected;
        if finished == count {
            return Ok(());
        }
        items.clone().for_each(|item| tx.wake(build_task_topic(item.task)));
        let reenqueued = end_lease(row::Entity::update_many()).filter(any(is_leased));
        let reenqueued = reenqueued.exec(&**tx).await.or_db_error()?.rows_affected;
        require_lease(u64::from(finished + reenqueued == count))
    }

    /// Ends the lease of an item and makes it due again at `due_at`. An item that was enqueued again in the meantime
    /// keeps the due time of that enqueuing.
    pub async fn reschedule_item<P>(&self, tx: &Tx, item: &QueueItem<P>, due_at: Timestamp) -> Result<()> {
        let repeat = end_lease(update_leased(item))
            .col_expr(row::Column::DueAt, Expr::value(DbTimestamp::from(due_at)))
            .col_expr(row::Column::Failures, Expr::value(0))
            .col_expr(row::Column::LastError, Expr::value(None::<String>))
            .filter(row::Column::EnqueueCount.eq(item.enqueue_count));
        tx.wake(build_task_topic(item.task));
        match repeat.exec(&**tx).await.or_db_error()?.rows_affected {
            0 => end_item_lease(tx, item).await,
            _ => Ok(()),
        }
    }

    /// Returns a failed item to the queue: it is due again after the policy's pause, or becomes a dead letter after
    /// the policy's last attempt. An item that was enqueued again in the meantime keeps the due time of that
    /// enqueuing, and the failure is not counted. Returns true when the item became a dead letter.
    pub async fn fail_item<P>(
        &self,
        item: &QueueItem<P>,
        error: &Error,
        policy: &RetryPolicy,
    ) -> Result<bool> {
        let now = self.clock.now();
        let is_dead = policy.is_last_attempt(item.failures);
        let due_at = (!is_dead).then(|| now + policy.compute_delay(item.failures + 1));
        let tx = self.db.begin_background().await?;
        let failed = self.record_failure(&tx, item, error, due_at).await?;
        tx.commit().await?;
        Ok(failed && is_dead)
    }

    /// Records a failure in a transaction; without `due_at` the item becomes a dead letter. Returns false when the
    /// item was enqueued again in the meantime.
    pub(super) async fn record_failure<P>(
        &self,
        tx: &Tx,
        item: &QueueItem<P>,
        error: &Error,
        due_at: Option<Timestamp>,
    ) -> Result<bool> {
        let died_at = due_at.is_none().then(|| DbTimestamp::from(self.clock.now()));
        let failures = i32::try_from(item.failures + 1).unwrap_or(i32::MAX);
        let failed = end_lease(update_leased(item))
            .col_expr(row::Column::DueAt, Expr::value(due_at.map(DbTimestamp::from)))
            .col_expr(row::Column::DiedAt, Expr::value(died_at))
            .col_expr(row::Column::Failures, Expr::value(failures))
            .col_expr(row::Column::LastError, Expr::value(render_error(error)))
            .filter(row::Column::EnqueueCount.eq(item.enqueue_count));
        tx.wake(build_task_topic(item.task));
        if failed.exec(&**tx).await.or_db_error()?.rows_affected > 0 {
            return Ok(true);
        }
        end_item_lease(tx, item).await.map(|()| false)
    }

    /// Ends the lease of an unfinished item: another worker can claim it at once.
    pub(super) async fn release_item<P>(&self, item: &QueueItem<P>) -> Result<()> {
        let tx = self.db.begin_background().await?;
        end_item_lease(&tx, item).await?;
        tx.wake(build_task_topic(item.task));
        tx.commit().await
    }
}

/// Renders the public error text and the cause, which only operators can read.
fn render_error(error: &Error) -> String {
    match error.cause() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn is_leased<P>(item: &QueueItem<P>) -> Condition {
    Condition::all()
        .add(row::Column::Task.eq(item.task))
        .add(row::Column::ItemKey.eq(item.key.as_str()))
        .add(row::Column::Fence.eq(item.fence))
}

fn update_leased<P>(item: &QueueItem<P>) -> sea_orm::UpdateMany<row::Entity> {
    row::Entity::update_many().filter(is_leased(item))
}

/// Ends the lease of an item without other changes. Error `lease-lost` (conflict) when another worker has the item.
async fn end_item_lease<P>(tx: &Tx, item: &QueueItem<P>) -> Result<()> {
    require_lease(end_lease(update_leased(item)).exec(&**tx).await.or_db_error()?.rows_affected)
}
