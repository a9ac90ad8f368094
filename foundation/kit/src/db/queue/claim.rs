//! Claiming of items, and extension of leases.

use hearth_base::Result;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoCondition, LockBehavior, LockType},
};
use serde::de::DeserializeOwned;

use super::{
    LeaseHolder, Queue, QueueItem, TaskName, end_lease, increment_column, require_lease, table::row,
};
use crate::db::{DbTimestamp, OrDbError, Tx};

impl Queue {
    /// Claims up to `max_items` due items of a task, for the duration of a lease.
    pub async fn claim_items<P: DeserializeOwned>(
        &self,
        task: TaskName<P>,
        max_items: u64,
    ) -> Result<Vec<QueueItem<P>>> {
        self.claim_with_lease(self.holder.as_ref(), task, max_items, Self::LEASE_DURATION).await
    }

    pub(super) async fn claim_with_lease<P: DeserializeOwned>(
        &self,
        holder: Option<&LeaseHolder>,
        task: TaskName<P>,
        max_items: u64,
        lease: SignedDuration,
    ) -> Result<Vec<QueueItem<P>>> {
        let now = self.clock.now();
        let tx = self.db.begin_background().await?;
        let rows = row::Entity::find()
            .filter(row::Column::Task.eq(task.as_str()))
            .filter(row::Column::DueAt.lte(DbTimestamp::from(now)))
            .filter(is_free(holder, now))
            .order_by_asc(row::Column::DueAt)
            .limit(max_items)
            // Two workers that claim at the same time take different items instead of waiting for each other.
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&*tx)
            .await
            .or_db_error()?;
        if rows.is_empty() {
            // MariaDB also locks rows that the filter then excludes. A rollback on drop would hold these locks a
            // moment longer, and the next claim would skip the rows.
            tx.commit().await?;
            return Ok(Vec::new());
        }
        // The higher fence makes every later write of the former holder fail.
        row::Entity::update_many()
            .col_expr(row::Column::LeasedUntil, Expr::value(compute_lease_end(now, lease)))
            .col_expr(row::Column::LeaseHolder, Expr::value(holder.map(LeaseHolder::to_text)))
            .col_expr(row::Column::LeaseHolderLife, Expr::value(holder.map(|holder| holder.life.to_string())))
            .col_expr(row::Column::Fence, increment_column(row::Column::Fence))
            .filter(row::Column::Task.eq(task.as_str()))
            .filter(row::Column::ItemKey.is_in(rows.iter().map(|row| row.item_key.as_str())))
            .exec(&*tx)
            .await
            .or_db_error()?;
        let (mut items, mut unreadable) = (Vec::with_capacity(rows.len()), 0_u32);
        for row in rows {
            let payload = match serde_json::from_value(row.payload) {
                Ok(payload) => payload,
                // Possibly written by another release. Must not block the other items.
                Err(cause) => {
                    mark_unreadable(&tx, task.as_str(), &row.item_key, &cause, now).await?;
                    unreadable += 1;
                    continue;
                }
            };
            items.push(QueueItem {
                key: row.item_key,
                payload,
                failures: u32::try_from(row.failures).unwrap_or(0),
                task: task.as_str(),
                fence: row.fence + 1,
                enqueue_count: row.enqueue_count,
            });
        }
        tx.commit().await?;
        for _ in 0..unreadable {
            self.metrics.count_failure(task.as_str(), true);
        }
        Ok(items)
    }

    /// Extends the lease of an item that is being processed. Error `lease-lost` (conflict) when another worker has
    /// the item.
    pub async fn heartbeat<P>(&self, item: &QueueItem<P>) -> Result<()> {
        require_lease(self.extend_leases(item.task, [(&*item.key, item.fence)], Self::LEASE_DURATION).await?)
    }

    /// Extends leases of a task; returns the number of extended ones.
    pub(super) async fn extend_leases<'a>(
        &self,
        task: &'static str,
        leases: impl IntoIterator<Item = (&'a str, i64)>,
        lease: SignedDuration,
    ) -> Result<u64> {
        let is_leased = leases.into_iter().fold(Condition::any(), |any, (key, fence)| {
            any.add(row::Column::ItemKey.eq(key).and(row::Column::Fence.eq(fence)))
        });
        let tx = self.db.begin().await?;
        let extended = row::Entity::update_many()
            .col_expr(row::Column::LeasedUntil, Expr::value(compute_lease_end(self.clock.now(), lease)))
            .filter(row::Column::Task.eq(task))
            .filter(is_leased)
            .exec(&*tx)
            .await
            .or_db_error()?;
        tx.commit().await?;
        Ok(extended.rows_affected)
    }

    /// Finds the time when the next item of a task can be claimed: a free item at its due time, a leased item when
    /// its lease expires.
    pub(super) async fn find_next_due_at(
        &self,
        holder: Option<&LeaseHolder>,
        task: &'static str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let first_by = |column: row::Column, which: Condition| {
            let query = row::Entity::find().filter(row::Column::Task.eq(task)).filter(which);
            query.filter(row::Column::DueAt.is_not_null()).order_by_asc(column).limit(1)
        };
        let due =
            first_by(row::Column::DueAt, is_free(holder, now)).one(self.db.reader()).await.or_db_error()?;
        let due = due.and_then(|row| row.due_at);
        if due.is_some_and(|due| due <= DbTimestamp::from(now)) {
            return Ok(due.map(Timestamp::from));
        }
        let is_leased = row::Column::LeasedUntil.gt(DbTimestamp::from(now)).into_condition();
        let leased =
            first_by(row::Column::LeasedUntil, is_leased).one(self.db.reader()).await.or_db_error()?;
        let leased = leased.and_then(|row| row.leased_until);
        Ok(due.into_iter().chain(leased).min().map(Timestamp::from))
    }
}

/// Makes a claimed item a dead letter, whose payload is invalid.
pub(super) async fn mark_unreadable(
    tx: &Tx,
    task: &str,
    key: &str,
    cause: &serde_json::Error,
    now: Timestamp,
) -> Result<()> {
    let error = format!("the payload is invalid: {cause}");
    tracing::error!(task, key, error, "queue item became a dead letter");
    end_lease(row::Entity::update_many())
        .col_expr(row::Column::DueAt, Expr::value(None::<DbTimestamp>))
        .col_expr(row::Column::DiedAt, Expr::value(DbTimestamp::from(now)))
        .col_expr(row::Column::LastError, Expr::value(error))
        .filter(row::Column::Task.eq(task))
        .filter(row::Column::ItemKey.eq(key))
        .exec(&**tx)
        .await
        .or_db_error()
        .map(|_| ())
}

/// Condition for items without a valid lease: not claimed, lease expired, or leased by a former life of `holder`.
pub(super) fn is_free(holder: Option<&LeaseHolder>, now: Timestamp) -> Condition {
    let is_free = Condition::any()
        .add(row::Column::LeasedUntil.is_null())
        .add(row::Column::LeasedUntil.lte(DbTimestamp::from(now)));
    match holder {
        None => is_free,
        Some(holder) => {
            let is_own = Condition::all().add(row::Column::LeaseHolder.eq(holder.to_text()));
            // Life ids sort by the time of the process's start.
            is_free.add(is_own.add(row::Column::LeaseHolderLife.lt(holder.life.to_string())))
        }
    }
}

pub(super) fn compute_lease_end(now: Timestamp, lease: SignedDuration) -> DbTimestamp {
    DbTimestamp::from(now.saturating_add(lease).unwrap_or(now))
}
