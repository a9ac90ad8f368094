//! Administration of the queue: operators list, show, retry and discard items.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result};
use hearth_wire::queue::{QueueEntry, QueueEntryState};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use super::{Queue, build_task_topic, end_lease, periodic::PERIODIC_KEY, table::row};
use crate::db::{DbTimestamp, OrDbError, Tx};

/// Numbers of a task's items by state.
pub(super) struct ItemCounts {
    pub waiting: i64,
    pub running: i64,
    pub dead: i64,
    /// Waiting time of the oldest due item.
    pub oldest_age: SignedDuration,
}

impl Queue {
    pub(super) async fn count_items(&self, task: &'static str) -> Result<ItemCounts> {
        let now = self.clock.now();
        let of_task = || row::Entity::find().filter(row::Column::Task.eq(task));
        let count = async |state| {
            let count = of_task()
                .filter(build_state_condition(state, now))
                .count(self.db.reader())
                .await
                .or_db_error()?;
            Result::Ok(i64::try_from(count).unwrap_or(i64::MAX))
        };
        let waiting = of_task().filter(build_state_condition(QueueEntryState::Waiting, now));
        let oldest = waiting.order_by_asc(row::Column::DueAt).one(self.db.reader()).await.or_db_error()?;
        let oldest = oldest.and_then(|row| row.due_at).map(Timestamp::from);
        Ok(ItemCounts {
            waiting: count(QueueEntryState::Waiting).await?,
            running: count(QueueEntryState::Running).await?,
            dead: count(QueueEntryState::Dead).await?,
            oldest_age: oldest.map_or(SignedDuration::ZERO, |due| now.duration_since(due)),
        })
    }

    /// Lists items in the order of task and key, optionally of one task or state.
    pub async fn list(
        &self,
        task: Option<&str>,
        state: Option<QueueEntryState>,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<QueueEntry>> {
        let now = self.clock.now();
        let mut query = row::Entity::find();
        if let Some(task) = task {
            query = query.filter(row::Column::Task.eq(task));
        }
        if let Some(state) = state {
            query = query.filter(build_state_condition(state, now));
        }
        if let Some(cursor) = cursor {
            let last: String = cursor.parse_key()?;
            // Task names contain no slash.
            let (task, key) = last.split_once('/').unwrap_or((&last, ""));
            let later_key =
                Condition::all().add(row::Column::Task.eq(task)).add(row::Column::ItemKey.gt(key));
            query = query.filter(Condition::any().add(row::Column::Task.gt(task)).add(later_key));
        }
        let rows = query
            .order_by_asc(row::Column::Task)
            .order_by_asc(row::Column::ItemKey)
            .limit(u64::from(limit.get()) + 1)
            .all(self.db.reader())
            .await
            .or_db_error()?;
        let entries = rows.into_iter().map(|row| to_entry(row, now)).collect();
        Ok(Page::from_items(entries, limit, |last: &QueueEntry| format!("{}/{}", last.task, last.key)))
    }

    /// Shows an item. Error `no-such-queue-item` (not found).
    pub async fn show(&self, task: &str, key: &str) -> Result<QueueEntry> {
        let row = row::Entity::find_by_id((task.to_owned(), key.to_owned()));
        let row = row
            .one(self.db.reader())
            .await
            .or_db_error()?
            .ok_or_else(|| build_no_such_item_error(task, key))?;
        Ok(to_entry(row, self.clock.now()))
    }

    /// Makes an item due now and resets its failed attempts. Error `item-running` (conflict) while it is running.
    pub async fn retry(&self, task: &str, key: &str) -> Result<QueueEntry> {
        let tx = self.db.begin().await?;
        self.lock_idle_item(&tx, task, key).await?;
        let now = DbTimestamp::from(self.clock.now());
        let retried = end_lease(row::Entity::update_many())
            .col_expr(row::Column::DueAt, Expr::value(now))
            .col_expr(row::Column::DiedAt, Expr::value(None::<DbTimestamp>))
            .col_expr(row::Column::Failures, Expr::value(0))
            .filter(row::Column::Task.eq(task))
            .filter(row::Column::ItemKey.eq(key));
        retried.exec(&*tx).await.or_db_error()?;
        tx.wake(build_task_topic(task));
        tx.commit().await?;
        self.show(task, key).await.or_else(|error| match error.kind() {
            // A worker has already finished the item.
            hearth_base::ErrorKind::NotFound => Ok(build_finished_entry(task, key, now.into())),
            _ => Err(error),
        })
    }

    /// Deletes an item for good. Errors: `item-running` (conflict) while it is running, `item-periodic` (conflict)
    /// for the item of a periodic task, which would never run again.
    pub async fn discard_item(&self, task: &str, key: &str) -> Result<QueueEntry> {
        if key == PERIODIC_KEY {
            // Refused without a lock: a claim skips locked items.
            self.show(task, key).await?;
            return Err(Error::conflict(
                "item-periodic",
                format!("the item of the task {task} is periodic and cannot be discarded"),
            )
            .help(format!("hearth admin queue retry SERVICE {task} {key}")));
        }
        let tx = self.db.begin().await?;
        let entry = self.lock_idle_item(&tx, task, key).await?;
        let row = row::Entity::delete_by_id((task.to_owned(), key.to_owned()));
        row.exec(&*tx).await.or_db_error()?;
        tx.commit().await?;
        Ok(entry)
    }

    async fn lock_idle_item(&self, tx: &Tx, task: &str, key: &str) -> Result<QueueEntry> {
        let row = row::Entity::find_by_id((task.to_owned(), key.to_owned())).lock(LockType::Update);
        let row = row.one(&**tx).await.or_db_error()?.ok_or_else(|| build_no_such_item_error(task, key))?;
        let entry = to_entry(row, self.clock.now());
        match entry.state {
            QueueEntryState::Running => {
                Err(Error::conflict("item-running", format!("the item {key} of the task {task} is running"))
                    .help("wait until it has finished or failed"))
            }
            _ => Ok(entry),
        }
    }
}

fn build_state_condition(state: QueueEntryState, now: Timestamp) -> Condition {
    let now = DbTimestamp::from(now);
    let is_free =
        || Condition::any().add(row::Column::LeasedUntil.is_null()).add(row::Column::LeasedUntil.lte(now));
    match state {
        QueueEntryState::Waiting => Condition::all().add(row::Column::DueAt.lte(now)).add(is_free()),
        QueueEntryState::Scheduled => Condition::all().add(row::Column::DueAt.gt(now)).add(is_free()),
        QueueEntryState::Running => Condition::all().add(row::Column::LeasedUntil.gt(now)),
        QueueEntryState::Dead => Condition::all().add(row::Column::DiedAt.is_not_null()),
    }
}

fn to_entry(row: row::Model, now: Timestamp) -> QueueEntry {
    let row::Model { task, item_key, payload, enqueued_at, due_at, leased_until, .. } = row;
    let leased_until = leased_until.map(Timestamp::from).filter(|end| *end > now);
    let due_at = due_at.map(Timestamp::from);
    let state = match (leased_until, due_at) {
        (Some(_), _) => QueueEntryState::Running,
        (None, None) => QueueEntryState::Dead,
        (None, Some(due)) if due > now => QueueEntryState::Scheduled,
        (None, Some(_)) => QueueEntryState::Waiting,
    };
    QueueEntry {
        task,
        key: item_key,
        state,
        payload,
        enqueued_at: enqueued_at.into(),
        due_at,
        leased_until,
        failures: u32::try_from(row.failures).unwrap_or(0),
        last_error: row.last_error,
        died_at: row.died_at.map(Timestamp::from),
    }
}

fn build_finished_entry(task: &str, key: &str, now: Timestamp) -> QueueEntry {
    QueueEntry {
        task: task.to_owned(),
        key: key.to_owned(),
        state: QueueEntryState::Waiting,
        payload: serde_json::Value::Null,
        enqueued_at: now,
        due_at: Some(now),
        leased_until: None,
        failures: 0,
        last_error: None,
        died_at: None,
    }
}

fn build_no_such_item_error(task: &str, key: &str) -> Error {
    Error::not_found("queue item", format!("{task}/{key}")).help("hearth admin queue list")
}
