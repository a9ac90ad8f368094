//! The end of an item's turn.

use hearth_base::{Error, Result};
use jiff::Timestamp;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};

use super::{Queue, QueueItem, RetryPolicy, end_lease, require_lease, table::row, task_topic};
use crate::db::{At, OrFault, Tx};

impl Queue {
    /// Finishes an item in the transaction of its effect. Refused when it is another worker's by now; then the
    /// transaction must not be committed. One that was enqueued again meanwhile is performed once more.
    pub async fn finish<P>(&self, tx: &Tx, item: &QueueItem<P>) -> Result<()> {
        self.finish_all(tx, [item]).await
    }

    /// Finishes several items of a task in the transaction of their effects. Refused when one of them is another
    /// worker's by now; then the transaction must not be committed.
    pub async fn finish_all<'a, P: 'a>(
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
            row::Entity::delete_many().filter(finished).exec(&**tx).await.or_fault()?.rows_affected;
        if finished == count {
            return Ok(());
        }
        items.clone().for_each(|item| tx.wake(task_topic(item.task)));
        let again = end_lease(row::Entity::update_many()).filter(any(is_leased));
        let again = again.exec(&**tx).await.or_fault()?.rows_affected;
        require_lease(u64::from(finished + again == count))
    }

    /// Ends this turn of an item, which is due again at `due_at`. One that was enqueued again meanwhile is due when that
    /// says.
    pub async fn repeat<P>(&self, tx: &Tx, item: &QueueItem<P>, due_at: Timestamp) -> Result<()> {
        let repeat = end_lease(leased(item))
            .col_expr(row::Column::DueAt, Expr::value(At::from(due_at)))
            .col_expr(row::Column::Failures, Expr::value(0))
            .col_expr(row::Column::LastError, Expr::value(None::<String>))
            .filter(row::Column::EnqueueCount.eq(item.enqueue_count));
        tx.wake(task_topic(item.task));
        match repeat.exec(&**tx).await.or_fault()?.rows_affected {
            0 => hand_back(tx, item).await,
            _ => Ok(()),
        }
    }

    /// Gives back an item that failed: it is due again after the policy's pause, or is a dead letter after the policy's
    /// last attempt. One that was enqueued again meanwhile is due when that says, as if nothing had failed. Returns
    /// whether it is a dead letter.
    pub async fn fail<P>(&self, item: &QueueItem<P>, error: &Error, policy: &RetryPolicy) -> Result<bool> {
        let now = self.clock.now();
        let is_dead = policy.is_last_attempt(item.failures);
        let due_at = (!is_dead).then(|| now + policy.pause(item.failures + 1));
        let tx = self.db.begin_behind().await?;
        let failed = self.record_failure(&tx, item, error, due_at).await?;
        tx.commit().await?;
        Ok(failed && is_dead)
    }

    /// Records a failure in a transaction; without `due_at` the item becomes a dead letter. Returns false when the item
    /// was enqueued again meanwhile.
    pub(super) async fn record_failure<P>(
        &self,
        tx: &Tx,
        item: &QueueItem<P>,
        error: &Error,
        due_at: Option<Timestamp>,
    ) -> Result<bool> {
        let died_at = due_at.is_none().then(|| At::from(self.clock.now()));
        let failures = i32::try_from(item.failures + 1).unwrap_or(i32::MAX);
        let failed = end_lease(leased(item))
            .col_expr(row::Column::DueAt, Expr::value(due_at.map(At::from)))
            .col_expr(row::Column::DiedAt, Expr::value(died_at))
            .col_expr(row::Column::Failures, Expr::value(failures))
            .col_expr(row::Column::LastError, Expr::value(error_text(error)))
            .filter(row::Column::EnqueueCount.eq(item.enqueue_count));
        tx.wake(task_topic(item.task));
        if failed.exec(&**tx).await.or_fault()?.rows_affected > 0 {
            return Ok(true);
        }
        hand_back(tx, item).await.map(|()| false)
    }

    /// Gives back an item as it is: another worker may claim it at once.
    pub(super) async fn release<P>(&self, item: &QueueItem<P>) -> Result<()> {
        let tx = self.db.begin_behind().await?;
        hand_back(&tx, item).await?;
        tx.wake(task_topic(item.task));
        tx.commit().await
    }
}

/// The public sentence, and the cause, which only operators see.
fn error_text(error: &Error) -> String {
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

fn leased<P>(item: &QueueItem<P>) -> sea_orm::UpdateMany<row::Entity> {
    row::Entity::update_many().filter(is_leased(item))
}

/// Ends the lease of an item as it is. Refused when it is another worker's by now.
async fn hand_back<P>(tx: &Tx, item: &QueueItem<P>) -> Result<()> {
    require_lease(end_lease(leased(item)).exec(&**tx).await.or_fault()?.rows_affected)
}
