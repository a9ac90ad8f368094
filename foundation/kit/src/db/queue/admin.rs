//! The queue for operators: they list, show, retry and discard items.

use hearth_base::{Cursor, Error, Limit, Page, Result};
use hearth_wire::queue::{QueueEntry, QueueEntryState};
use jiff::{SignedDuration, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use super::{Queue, end_lease, periodic::PERIODIC_KEY, table::row, task_topic};
use crate::db::{At, OrFault, Tx};

/// How many items of a task are in which state.
pub(super) struct ItemCounts {
    pub waiting: i64,
    pub running: i64,
    pub dead: i64,
    /// How long the oldest item that is due has waited.
    pub oldest_age: SignedDuration,
}

impl Queue {
    pub(super) async fn count_items(&self, task: &'static str) -> Result<ItemCounts> {
        let now = self.clock.now();
        let of_task = || row::Entity::find().filter(row::Column::Task.eq(task));
        let count = async |state| {
            let count = of_task().filter(is_in(state, now)).count(self.db.reader()).await.or_fault()?;
            Result::Ok(i64::try_from(count).unwrap_or(i64::MAX))
        };
        let waiting = of_task().filter(is_in(QueueEntryState::Waiting, now));
        let oldest = waiting.order_by_asc(row::Column::DueAt).one(self.db.reader()).await.or_fault()?;
        let oldest = oldest.and_then(|row| row.due_at).map(Timestamp::from);
        Ok(ItemCounts {
            waiting: count(QueueEntryState::Waiting).await?,
            running: count(QueueEntryState::Running).await?,
            dead: count(QueueEntryState::Dead).await?,
            oldest_age: oldest.map_or(SignedDuration::ZERO, |due| now.duration_since(due)),
        })
    }

    /// Items by task and key, those of one task or state alone where one is named.
    pub async fn list(
        &self,
        task: Option<&str>,
        state: Option<QueueEntryState>,
        limit: Limit,
        cursor: Option<&Cursor>,
    ) -> Result<Page<QueueEntry>> {
        let now = self.clock.now();
        let mut query = row::Entity::find();
        if let Some(task) = task {
            query = query.filter(row::Column::Task.eq(task));
        }
        if let Some(state) = state {
            query = query.filter(is_in(state, now));
        }
        if let Some(cursor) = cursor {
            let last: String = cursor.key()?;
            // No task has a slash in its name.
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
            .or_fault()?;
        let entries = rows.into_iter().map(|row| entry(row, now)).collect();
        Ok(Page::cut(entries, limit, |last: &QueueEntry| format!("{}/{}", last.task, last.key)))
    }

    /// One item.
    pub async fn show(&self, task: &str, key: &str) -> Result<QueueEntry> {
        let row = row::Entity::find_by_id((task.to_owned(), key.to_owned()));
        let row = row.one(self.db.reader()).await.or_fault()?.ok_or_else(|| no_such_item(task, key))?;
        Ok(entry(row, self.clock.now()))
    }

    /// Makes an item due now, with all its attempts again. Refused while it is running.
    pub async fn retry(&self, task: &str, key: &str) -> Result<QueueEntry> {
        let tx = self.db.begin().await?;
        self.lock_idle(&tx, task, key).await?;
        let now = At::from(self.clock.now());
        let retried = end_lease(row::Entity::update_many())
            .col_expr(row::Column::DueAt, Expr::value(now))
            .col_expr(row::Column::DiedAt, Expr::value(None::<At>))
            .col_expr(row::Column::Failures, Expr::value(0))
            .filter(row::Column::Task.eq(task))
            .filter(row::Column::ItemKey.eq(key));
        retried.exec(&*tx).await.or_fault()?;
        tx.wake(task_topic(task));
        tx.commit().await?;
        self.show(task, key).await.or_else(|error| match error.kind() {
            // It was performed and finished at once.
            hearth_base::Kind::NotFound => Ok(finished_entry(task, key, now.into())),
            _ => Err(error),
        })
    }

    /// Deletes an item for good. Refused while it is running, and for a periodic task, which would not come again.
    pub async fn discard(&self, task: &str, key: &str) -> Result<QueueEntry> {
        if key == PERIODIC_KEY {
            // Refused without a lock: a claim would pass over the item until the lock is gone.
            self.show(task, key).await?;
            return Err(Error::conflict(
                "item-periodic",
                format!("the item of the task {task} is periodic and cannot be discarded"),
            )
            .help(format!("hearth admin queue retry SERVICE {task} {key}")));
        }
        let tx = self.db.begin().await?;
        let entry = self.lock_idle(&tx, task, key).await?;
        let row = row::Entity::delete_by_id((task.to_owned(), key.to_owned()));
        row.exec(&*tx).await.or_fault()?;
        tx.commit().await?;
        Ok(entry)
    }

    async fn lock_idle(&self, tx: &Tx, task: &str, key: &str) -> Result<QueueEntry> {
        let row = row::Entity::find_by_id((task.to_owned(), key.to_owned())).lock(LockType::Update);
        let row = row.one(&**tx).await.or_fault()?.ok_or_else(|| no_such_item(task, key))?;
        let entry = entry(row, self.clock.now());
        match entry.state {
            QueueEntryState::Running => {
                Err(Error::conflict("item-running", format!("the item {key} of the task {task} is running"))
                    .help("wait until it is through, or has failed"))
            }
            _ => Ok(entry),
        }
    }
}

fn is_in(state: QueueEntryState, now: Timestamp) -> Condition {
    let now = At::from(now);
    let is_free =
        || Condition::any().add(row::Column::LeasedUntil.is_null()).add(row::Column::LeasedUntil.lte(now));
    match state {
        QueueEntryState::Waiting => Condition::all().add(row::Column::DueAt.lte(now)).add(is_free()),
        QueueEntryState::Scheduled => Condition::all().add(row::Column::DueAt.gt(now)).add(is_free()),
        QueueEntryState::Running => Condition::all().add(row::Column::LeasedUntil.gt(now)),
        QueueEntryState::Dead => Condition::all().add(row::Column::DiedAt.is_not_null()),
    }
}

fn entry(row: row::Model, now: Timestamp) -> QueueEntry {
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

fn finished_entry(task: &str, key: &str, now: Timestamp) -> QueueEntry {
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

fn no_such_item(task: &str, key: &str) -> Error {
    Error::not_found("queue item", format!("{task}/{key}")).help("hearth admin queue list")
}
