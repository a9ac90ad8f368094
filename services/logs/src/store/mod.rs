//! The tables of `logs`: the only place that touches its database.
//!
//! A log holds all lines of a job or build. The lines of a tool are numbered in the order of their arrival,
//! across all its logs. A log stores its lines in chunks, in order. Each batch becomes a loose chunk at once.
//! Loose chunks are the end of a log; they are merged into compressed, sealed chunks when they reach a limit.

mod chunk;
mod chunk_format;
mod instance;
mod log;
mod migrations;
mod sweep;
mod tool;

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    wake::{WakeListener, WakeTopic},
};

pub use chunk::{ChunkRange, StoredChunk};
pub use chunk_format::{ChunkReader, StoredLine};
pub use instance::Instance;
pub use log::{LogSource, StoredLog};
pub use migrations::list_migrations;
pub use tool::ToolUsage;

/// The database of `logs`.
#[derive(Debug, Clone)]
pub struct LogsStore {
    db: Db,
    /// The queue of this service.
    pub queue: Queue,
}

impl LogsStore {
    /// Opens the tables and the queue in `db`.
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { db, queue }
    }

    /// Listens for wake-ups of topics.
    pub fn listen_to_topics(&self, topics: impl IntoIterator<Item = WakeTopic>) -> WakeListener {
        self.db.listen(topics)
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// The wake-up topic of new lines of a tool.
pub fn tool_topic(tool: ToolId) -> WakeTopic {
    WakeTopic::with_key("tool", tool)
}

/// The wake-up topic of new lines of a log.
pub fn log_topic(log: &LogSource) -> WakeTopic {
    WakeTopic::with_key("log", format_args!("{}/{}/{}", log.tool, log.kind, log.name))
}
