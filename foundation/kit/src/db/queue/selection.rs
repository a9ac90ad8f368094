//! Claiming for a service that chooses the next item itself: it lists the items of a task with their leases, and claims
//! the chosen one in its own transaction.

use hearth_base::{Error, Result};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, Func, OnConflict},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    LeaseHolder, Queue, QueueItem, TaskName, build_task_topic,
    claim::{compute_lease_end, is_free, mark_unreadable},
    increment_column, insert_rows,
    table::row,
};
use crate::db::{DbTimestamp, OrDbError, Tx, wake::WakeListener};

/// An item with its lease, as a service sees it that chooses the next item itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedItem {
    /// Key of the item.
    pub key: String,
    /// Time from which it can be claimed.
    pub due_at: Timestamp,
    /// Expiry of its lease. A lease that its worker did not end stays here after its expiry.
    pub leased_until: Option<Timestamp>,
    /// True when the lease belongs to a former life of the worker that asks.
    is_own_former_lease: bool,
}

impl QueuedItem {
    /// Returns true while another worker holds the item.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.leased_until.is_some_and(|until| until > now) && !self.is_own_former_lease
    }

    /// Returns true if the item can be claimed now.
    pub fn is_claimable(&self, now: Timestamp) -> bool {
        self.due_at <= now && !self.is_leased(now)
    }

    /// Returns true if the lease of the item ended without its worker: it expired, or its process died.
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        self.leased_until.is_some() && !self.is_leased(now)
    }

    /// Returns the next time at which the item may become claimable by itself.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let lease_end = self.leased_until.filter(|_| self.is_leased(now));
        lease_end.into_iter().chain(Some(self.due_at).filter(|due| *due > now)).max()
    }
}

impl Queue {
    /// Lists the items of a task that are no dead letters, the longest due first. `holder` is the worker that asks.
    pub async fn list_queued_items<P>(
        &self,
        connection: &impl ConnectionTrait,
        holder: Option<&LeaseHolder>,
        task: TaskName<P>,
    ) -> Result<Vec<QueuedItem>> {
        let query = row::Entity::find()
            .filter(row::Column::Task.eq(task.as_str()))
            .filter(row::Column::DueAt.is_not_null())
            .order_by_asc(row::Column::DueAt)
            .order_by_asc(row::Column::ItemKey);
        let rows = query.all(connection).await.or_db_error()?;
        let items = rows.into_iter().filter_map(|row| {
            let is_own_former_lease = holder.is_some_and(|holder| {
                let is_own = row.lease_holder.as_deref() == Some(&*holder.to_text());
                // Life ids sort by the time of the process's start.
                is_own
                    && row.lease_holder_life.as_deref().is_some_and(|life| *life < *holder.life.to_string())
            });
            Some(QueuedItem {
                key: row.item_key,
                due_at: row.due_at?.into(),
                leased_until: row.leased_until.map(Timestamp::from),
                is_own_former_lease,
            })
        });
        Ok(items.collect())
    }

    /// Claims the item with this key in the caller's transaction, for the duration of a lease. `None` when it is not
    /// due or another worker holds it, and for an item with an invalid payload, which becomes a dead letter when the
    /// caller commits. Its due time becomes the time of the claim.
    pub async fn claim_item<P: DeserializeOwned>(
        &self,
        tx: &Tx,
        holder: Option<&LeaseHolder>,
        task: TaskName<P>,
        key: &str,
    ) -> Result<Option<QueueItem<P>>> {
        let now = self.clock.now();
        let is_item =
            || Condition::all().add(row::Column::Task.eq(task.as_str())).add(row::Column::ItemKey.eq(key));
        // The higher fence makes every later write of the former holder fail.
        let claimed = row::Entity::update_many()
            .col_expr(row::Column::DueAt, Expr::value(DbTimestamp::from(now)))
            .col_expr(row::Column::LeasedUntil, Expr::value(compute_lease_end(now, Self::LEASE_DURATION)))
            .col_expr(row::Column::LeaseHolder, Expr::value(holder.map(LeaseHolder::to_text)))
            .col_expr(row::Column::LeaseHolderLife, Expr::value(holder.map(|holder| holder.life.to_string())))
            .col_expr(row::Column::Fence, increment_column(row::Column::Fence))
            .filter(is_item())
            .filter(row::Column::DueAt.lte(DbTimestamp::from(now)))
            .filter(is_free(holder, now))
            .exec(&**tx)
            .await
            .or_db_error()?;
        if claimed.rows_affected == 0 {
            return Ok(None);
        }
        let found = row::Entity::find().filter(is_item()).one(&**tx).await.or_db_error()?;
        let found = found.ok_or_else(|| Error::internal("a claimed item does not exist"))?;
        let payload = match serde_json::from_value(found.payload) {
            Ok(payload) => payload,
            Err(cause) => {
                mark_unreadable(tx, task.as_str(), key, &cause, now).await?;
                self.metrics.count_failure(task.as_str(), true);
                return Ok(None);
            }
        };
        Ok(Some(QueueItem {
            key: found.item_key,
            payload,
            failures: u32::try_from(found.failures).unwrap_or(0),
            task: task.as_str(),
            fence: found.fence,
            enqueue_count: found.enqueue_count,
        }))
    }

    /// As [`Queue::enqueue`], but an item that exists keeps its due time, and so its place among the others.
    pub async fn enqueue_in_place<P: Serialize>(
        &self,
        tx: &Tx,
        task: TaskName<P>,
        key: &str,
        payload: &P,
        due_at: Timestamp,
    ) -> Result<()> {
        let due = DbTimestamp::from(due_at);
        let replace = OnConflict::columns([row::Column::Task, row::Column::ItemKey])
            .update_columns([row::Column::Payload, row::Column::EnqueuedAt])
            .value(
                row::Column::DueAt,
                Func::coalesce([Expr::col((row::Entity, row::Column::DueAt)), Expr::value(due)]),
            )
            .value(row::Column::DiedAt, Expr::value(None::<DbTimestamp>))
            .value(row::Column::EnqueueCount, increment_column(row::Column::EnqueueCount))
            .to_owned();
        tx.wake(build_task_topic(task.as_str()));
        insert_rows(tx, vec![self.build_row(task.as_str(), key, payload, due_at)?], replace).await
    }

    /// Listens to changes of a task's items.
    pub fn listen_to_task<P>(&self, task: TaskName<P>) -> WakeListener {
        self.db.listen([build_task_topic(task.as_str())])
    }

    /// Wakes the workers of a task when the transaction commits: a change outside of the items concerns them.
    pub fn wake_task<P>(&self, tx: &Tx, task: TaskName<P>) {
        tx.wake(build_task_topic(task.as_str()));
    }
}
