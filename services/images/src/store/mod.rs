//! Database tables of the image service; no other module accesses its database.
//!
//! A change of a repository locks the repository's row, and a link to content or its deletion locks the
//! content's row. Garbage collection takes the same locks, so that it cannot run at the same time as a new
//! use.

mod content;
mod garbage_collection;
mod incoming;
mod manifest;
mod migrations;
mod pin;
mod repository;
mod rows;
mod tag;
mod upload;
mod usage;

use hearth_base::{Error, Result};
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    events::EventStream,
    tasks::ShutdownSignal,
};

use sea_orm::DatabaseConnection;

pub use content::BlobContent;
pub use manifest::Manifest;
pub use migrations::list_migrations;
pub use repository::Repository;
pub use upload::{Upload, UploadPart};
pub use usage::RegistryUsage;

/// Database of the image service.
#[derive(Debug, Clone)]
pub struct RegistryStore {
    db: Db,
    /// Queue of background work.
    pub queue: Queue,
    /// Events for other services.
    pub events: EventStream,
}

impl RegistryStore {
    /// Creates a store over the tables and the queue in `db`.
    pub fn new(db: Db, queue: Queue, stop: ShutdownSignal) -> Self {
        Self { events: EventStream::new(db.clone(), stop), queue, db }
    }

    /// Connection for reading outside of a transaction.
    pub fn reader_connection(&self) -> &DatabaseConnection {
        self.db.reader()
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// Parses a column that was written from a valid value.
fn read_column<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::internal(format!("the column {column} has an invalid value")))
}

/// Converts a size to its form in a column.
fn to_signed_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Converts a column back to a size.
fn to_unsigned_size(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}
