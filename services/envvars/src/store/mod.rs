//! Tables of `envvars`: the only module with database access. Values are already encrypted or sealed.

mod envvar;
mod former;
mod migrations;
mod tool;

use hearth_base::Result;
use hearth_kit::db::{Db, Tx};

pub use envvar::{StoredEnvvar, StoredValue};
pub use migrations::list_migrations;

/// Database of `envvars`.
#[derive(Debug, Clone)]
pub struct EnvvarStore {
    db: Db,
}

impl EnvvarStore {
    /// Creates the store on `db`.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}
