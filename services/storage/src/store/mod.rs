//! Tables of `storage`: the only place that touches its database.

mod home;
mod migrations;

use hearth_kit::db::Db;

pub use migrations::list_migrations;

/// Database of `storage`.
#[derive(Debug, Clone)]
pub struct StorageStore {
    db: Db,
}

impl StorageStore {
    /// Creates the store on `db`.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
