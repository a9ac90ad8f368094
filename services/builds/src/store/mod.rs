//! The tables of `builds`: the only place that touches its database.

mod build;
mod migrations;
mod source;

use hearth_base::{BuildId, Result};
use hearth_kit::{
    db::{Db, Tx, columns, queue::Queue},
    wake::{Topic, WakeListener},
};

pub use build::Build;
pub use migrations::migrations;
pub use source::Source;

/// The database of `builds`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// Builds for builders, ends of time limits, and tidying.
    pub queue: Queue,
}

impl Store {
    /// The tables in `db`, and the queue in it.
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { db, queue }
    }

    /// Receives the wake-ups of some topics.
    pub fn listen_to_topics(&self, topics: impl IntoIterator<Item = Topic>) -> WakeListener {
        self.db.listen(topics)
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// A build has changed.
pub fn build_topic(id: BuildId) -> Topic {
    Topic::keyed("build", id)
}
