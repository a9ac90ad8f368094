//! Queues.

mod items;
mod leases;
mod operators;
mod periodic;
mod waiting;
mod workers;

use std::{sync::Arc, time::Duration};

use hearth_base::{Clock, Error, Limit, ManualClock, Result, SystemClock};
use hearth_kit::{
    db::{Db, migrate},
    queue::{CreateQueue, Queue, QueueItem, RetryPolicy, TaskName},
};
use hearth_wire::queue::{QueueEntry, QueueEntryState};
use jiff::Timestamp;

pub const DIG: TaskName<String> = TaskName::new("dig");
pub const FOR_EVER: Duration = Duration::from_secs(3600);
pub const RETRY_POLICY: RetryPolicy = RetryPolicy::DEFAULT;

/// A queue, and the clock that it goes by.
pub struct Stage {
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub queue: Queue,
}

pub async fn open_stage(db: &Db) -> Result<Stage> {
    migrate(db, || vec![Box::new(CreateQueue)]).await?;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    Ok(Stage { queue: Queue::new(db.clone(), clock.clone(), None), db: db.clone(), clock })
}

impl Stage {
    pub async fn enqueue(&self, key: &str) -> Result<()> {
        self.enqueue_at(key, self.clock.now()).await
    }

    pub async fn enqueue_at(&self, key: &str, due_at: Timestamp) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.enqueue(&tx, DIG, key, &key.to_owned(), due_at).await?;
        tx.commit().await
    }

    pub async fn claim(&self, most: u64) -> Result<Vec<QueueItem<String>>> {
        self.queue.claim(DIG, most).await
    }

    pub async fn finish(&self, item: &QueueItem<String>) -> Result<()> {
        let tx = self.db.begin().await?;
        self.queue.finish(&tx, item).await?;
        tx.commit().await
    }

    pub fn let_leases_expire(&self) {
        self.clock.advance(Queue::LEASE_DURATION);
    }
}

/// The dead letters of a queue, by task and key.
pub async fn dead_letters(queue: &Queue) -> Result<Vec<QueueEntry>> {
    Ok(queue.list(None, Some(QueueEntryState::Dead), Limit::new(Limit::MAX)?, None).await?.items)
}

/// The result of something that happens soon; an error after 20 seconds.
pub async fn await_soon<T>(waited: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(Duration::from_secs(20), waited).await.map_err(Error::internal)?
}

pub fn error_code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

pub fn stone() -> Error {
    Error::invalid("stone", "hit a stone")
}
