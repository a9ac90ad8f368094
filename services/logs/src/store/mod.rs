//! The tables of `logs`: the only place that touches its database.
//!
//! A log is everything that a job or build has written. The lines of a tool are numbered as they arrive, whatever log
//! they are of; those of a log lie in chunks, in order. What arrives is written as a loose chunk at once; loose chunks
//! are the log's end, and are merged into compressed, sealed ones when there are enough of them.

mod chunk;
mod form;
mod instance;
mod log;
mod migrations;
mod sweep;
mod tool;

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    wake::{Topic, WakeListener},
};

pub use chunk::{Part, Piece};
pub use form::{Line, Unpacker};
pub use instance::Instance;
pub use log::{Log, Source};
pub use migrations::migrations;
pub use tool::Tool;

/// The database of `logs`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// What is done later.
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

/// Lines of a tool were written.
pub fn tool_topic(tool: ToolId) -> Topic {
    Topic::keyed("tool", tool)
}

/// Lines of one log were written.
pub fn log_topic(log: &Source) -> Topic {
    Topic::keyed("log", format_args!("{}/{}/{}", log.tool, log.kind, log.name))
}
