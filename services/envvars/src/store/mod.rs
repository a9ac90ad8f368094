//! The tables of `envvars`: the only place that touches its database. Values come closed or sealed, and go so.

mod envvar;
mod migrations;
mod tool;

use hearth_base::Result;
use hearth_kit::db::{Db, Tx};

pub use envvar::{Held, Kept};
pub use migrations::migrations;

/// The database of `envvars`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// The tables in `db`.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}
