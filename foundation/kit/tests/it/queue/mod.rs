//! Queues.

mod items;
mod leases;
mod operators;
mod periodic;
mod selection;
mod waiting;
mod workers;

use std::{sync::Arc, time::Duration};

use hearth_base::{Clock, Error, ManualClock, PageLimit, Result, SystemClock};
use hearth_kit::{
    db::{Db, migrate},
    queue::{CreateQueue, Queue, QueueItem, RetryPolicy, TaskName},
};
use hearth_wire::queue::{QueueEntry, QueueEntryState};
use jiff::Timestamp;

pub const DIG_TASK: TaskName<String> = TaskName::new("dig");
pub const LONG_WAIT: Duration = Duration::from_secs(3600);
pub const RETRY_POLICY: RetryPolicy = RetryPolicy::DEFAULT;

/// A queue with a manual clock.
pub struct QueueStage {
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub queue: Queue,
}

pub async fn open_stage(db: &Db) -> Result<QueueStage> {
    migrate(db, || vec![Box::new(CreateQueue)]).await?;
    let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
    Ok(QueueStage { queue: Queue::new(db.clone(), clock.clone(), None), db: db.clone(), clock })
}

impl QueueStage {
    pub async fn enqueue(&self, key: &str) -> Result<()> {
        self.enqueue_at(key, self.clock.now()).await
    }

    pub async fn enqueue_at(&self, key: &str, due_at: Timestamp) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.enqueue(&tx, DIG_TASK, key, &key.to_owned(), due_at).await?;
        tx.commit().await
    }

    pub async fn claim_items(&self, most: u64) -> Result<Vec<QueueItem<String>>> {
        self.queue.claim_items(DIG_TASK, most).await
    }

    pub async fn finish_item(&self, item: &QueueItem<String>) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.finish_item(&tx, item).await?;
        tx.commit().await
    }

    pub fn expire_leases(&self) {
        self.clock.advance_by(Queue::LEASE_DURATION);
    }
}

/// Lists the dead letters of a queue, ordered by task and key.
pub async fn list_dead_letters(queue: &Queue) -> Result<Vec<QueueEntry>> {
    Ok(queue
        .list(None, Some(QueueEntryState::Dead), PageLimit::new(PageLimit::MAX_ITEMS)?, None)
        .await?
        .items)
}

/// Awaits a future, with a timeout of 20 seconds.
pub async fn await_soon<T>(waited: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(Duration::from_secs(20), waited).await.map_err(Error::internal)?
}

pub fn read_error_code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

pub fn build_error() -> Error {
    Error::invalid("stone", "hit a stone")
}
