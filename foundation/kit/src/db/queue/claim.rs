//! Claiming items, and keeping the leases.

use hearth_base::Result;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoCondition, LockBehavior, LockType},
};
use serde::de::DeserializeOwned;

use super::{LeaseHolder, Queue, QueueItem, TaskName, end_lease, one_more, require_lease, table::row};
use crate::db::{At, OrFault};

impl Queue {
    /// Claims up to `most` items of a task that are due.
    pub async fn claim<P: DeserializeOwned>(
        &self,
        task: TaskName<P>,
        most: u64,
    ) -> Result<Vec<QueueItem<P>>> {
        self.claim_leased(self.holder.as_ref(), task, most, Self::LEASE_DURATION).await
    }

    /// As [`Queue::claim`], for a worker in another process.
    pub async fn claim_for<P: DeserializeOwned>(
        &self,
        holder: Option<&LeaseHolder>,
        task: TaskName<P>,
        most: u64,
    ) -> Result<Vec<QueueItem<P>>> {
        self.claim_leased(holder, task, most, Self::LEASE_DURATION).await
    }

    pub(super) async fn claim_leased<P: DeserializeOwned>(
        &self,
        holder: Option<&LeaseHolder>,
        task: TaskName<P>,
        most: u64,
        lease: SignedDuration,
    ) -> Result<Vec<QueueItem<P>>> {
        let now = self.clock.now();
        let tx = self.db.begin_behind().await?;
        let rows = row::Entity::find()
            .filter(row::Column::Task.eq(task.as_str()))
            .filter(row::Column::DueAt.lte(At::from(now)))
            .filter(is_free(holder, now))
            .order_by_asc(row::Column::DueAt)
            .limit(most)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&*tx)
            .await
            .or_fault()?;
        if rows.is_empty() {
            // MariaDB has locked rows that it then left out: dropped, the transaction would hold them a moment longer, and
            // the next claim skip them.
            tx.commit().await?;
            return Ok(Vec::new());
        }
        row::Entity::update_many()
            .col_expr(row::Column::LeasedUntil, Expr::value(lease_end(now, lease)))
            .col_expr(row::Column::LeaseHolder, Expr::value(holder.map(LeaseHolder::name)))
            .col_expr(row::Column::LeaseHolderLife, Expr::value(holder.map(|holder| holder.life.to_string())))
            .col_expr(row::Column::Fence, one_more(row::Column::Fence))
            .filter(row::Column::Task.eq(task.as_str()))
            .filter(row::Column::ItemKey.is_in(rows.iter().map(|row| row.item_key.as_str())))
            .exec(&*tx)
            .await
            .or_fault()?;
        let (mut items, mut unreadable) = (Vec::with_capacity(rows.len()), 0_u32);
        for row in rows {
            let payload = match serde_json::from_value(row.payload) {
                Ok(payload) => payload,
                // Of another release, perhaps: no hindrance to the other items.
                Err(cause) => {
                    let error = format!("the payload cannot be read: {cause}");
                    tracing::error!(
                        task = task.as_str(),
                        key = row.item_key,
                        error,
                        "queue item became a dead letter"
                    );
                    let dead = end_lease(row::Entity::update_many())
                        .col_expr(row::Column::DueAt, Expr::value(None::<At>))
                        .col_expr(row::Column::DiedAt, Expr::value(At::from(now)))
                        .col_expr(row::Column::LastError, Expr::value(error))
                        .filter(row::Column::Task.eq(task.as_str()))
                        .filter(row::Column::ItemKey.eq(row.item_key));
                    dead.exec(&*tx).await.or_fault()?;
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

    /// Extends the lease of an item that is still worked on. Refused when it is another's by now.
    pub async fn heartbeat<P>(&self, item: &QueueItem<P>) -> Result<()> {
        require_lease(self.extend_leases(item.task, [(&*item.key, item.fence)], Self::LEASE_DURATION).await?)
    }

    /// Extends leases of a task; returns how many were extended.
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
            .col_expr(row::Column::LeasedUntil, Expr::value(lease_end(self.clock.now(), lease)))
            .filter(row::Column::Task.eq(task))
            .filter(is_leased)
            .exec(&*tx)
            .await
            .or_fault()?;
        tx.commit().await?;
        Ok(extended.rows_affected)
    }

    /// When the next item of a task is due: a free one when it says, a leased one when its lease expires.
    pub(super) async fn next_due_at(
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
            first_by(row::Column::DueAt, is_free(holder, now)).one(self.db.reader()).await.or_fault()?;
        let due = due.and_then(|row| row.due_at);
        if due.is_some_and(|due| due <= At::from(now)) {
            return Ok(due.map(Timestamp::from));
        }
        let is_leased = row::Column::LeasedUntil.gt(At::from(now)).into_condition();
        let leased = first_by(row::Column::LeasedUntil, is_leased).one(self.db.reader()).await.or_fault()?;
        let leased = leased.and_then(|row| row.leased_until);
        Ok(due.into_iter().chain(leased).min().map(Timestamp::from))
    }
}

/// Items that nobody leases: never claimed, their lease expired, or left behind by a former life of `holder`.
fn is_free(holder: Option<&LeaseHolder>, now: Timestamp) -> Condition {
    let is_free = Condition::any()
        .add(row::Column::LeasedUntil.is_null())
        .add(row::Column::LeasedUntil.lte(At::from(now)));
    match holder {
        None => is_free,
        Some(holder) => {
            let is_mine = Condition::all().add(row::Column::LeaseHolder.eq(holder.name()));
            // Ids of lives are in the order of their beginnings.
            is_free.add(is_mine.add(row::Column::LeaseHolderLife.lt(holder.life.to_string())))
        }
    }
}

fn lease_end(now: Timestamp, lease: SignedDuration) -> At {
    At::from(now.saturating_add(lease).unwrap_or(now))
}
