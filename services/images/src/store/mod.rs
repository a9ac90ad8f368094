//! The tables of `images`: the only place that touches its database.
//!
//! Whatever adds to a repository or takes from it locks the repository's row, and whatever links content or
//! deletes it locks the content's row: so a collection and a new use meet there, and one waits for the other.

mod collect;
mod content;
mod manifest;
mod migrations;
mod pin;
mod repository;
mod rows;
mod tag;
mod upload;

use hearth_base::{Error, Result};
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    events::Stream,
    tasks::Stop,
};

pub use content::Content;
pub use manifest::Manifest;
pub use migrations::migrations;
pub use repository::Repository;
pub use upload::{Part, Upload};

/// The database of `images`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// What is done later.
    pub queue: Queue,
    /// Events for other services.
    pub events: Stream,
}

impl Store {
    /// The tables in `db`, and the queue in it.
    pub fn new(db: Db, queue: Queue, stop: Stop) -> Self {
        Self { events: Stream::new(db.clone(), stop), queue, db }
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// Reads a column back that was written from a checked value.
fn read<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::internal(format!("the column {column} holds what it never was given")))
}

/// A size as columns keep it.
fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A size as it was given to a column.
fn unsigned(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}
