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
mod referrer;
mod repository;
mod rows;
mod tag;
mod upload;
mod upstream;
mod usage;

use hearth_base::Result;
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    events::EventStream,
    tasks::ShutdownSignal,
};

use sea_orm::DatabaseConnection;

pub use content::BlobContent;
pub use manifest::Manifest;
pub use migrations::list_migrations;
pub use referrer::{Referrer, ReferrerFilter};
pub use repository::Repository;
pub use upload::{Upload, UploadPart};
pub use upstream::{UpstreamContent, UpstreamTag};
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
