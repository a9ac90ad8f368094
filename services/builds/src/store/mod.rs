//! Database tables of the build service; no other module accesses its database.

mod build;
mod build_token;
mod builder;
#[cfg(test)]
mod golden;
mod image_record;
mod migrations;
mod outside_build;
mod outside_builder;
mod package_source;
mod queued_build;
mod source;
mod source_credential;

use hearth_base::{BuildId, Result};
use hearth_kit::{
    db::{Db, Tx, columns, queue::Queue},
    events::EventStream,
    tasks::ShutdownSignal,
    wake::{WakeListener, WakeTopic},
};
use sea_orm::DatabaseConnection;

pub use build::Build;
pub use builder::{Builder, Suspension};
pub use image_record::{AttachedSbom, ImageRecord};
pub use migrations::list_migrations;
pub use outside_build::OutsideBuild;
pub use outside_builder::{BuilderOwner, OutsideBuilder, build_exists_error, format_secret_context};
pub use package_source::{SourceGrant, StoredPackageSource};
pub use queued_build::QueuedBuild;
pub use source::UploadedSource;
pub use source_credential::{SourceCredentialUse, StoredSourceCredential, format_credential_place};

/// Database of the build service.
#[derive(Debug, Clone)]
pub struct BuildStore {
    db: Db,
    /// Queue of builds to lease, time limits and clean-up tasks.
    pub queue: Queue,
    /// Events for `notify`.
    pub events: EventStream,
}

impl BuildStore {
    /// Creates a store over the tables and the queue in `db`. Readers of events return at shutdown.
    pub fn new(db: Db, queue: Queue, stop: ShutdownSignal) -> Self {
        Self { events: EventStream::new(db.clone(), stop), db, queue }
    }

    /// Listens to the wake-ups of topics.
    pub fn listen_to_topics(&self, topics: impl IntoIterator<Item = WakeTopic>) -> WakeListener {
        self.db.listen(topics)
    }

    /// Connection for reads outside of a transaction.
    pub fn db_reader(&self) -> &DatabaseConnection {
        self.db.reader()
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// Topic of changes of a build.
pub fn build_topic(id: BuildId) -> WakeTopic {
    WakeTopic::with_key("build", id)
}
