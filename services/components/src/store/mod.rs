//! The tables of `components`: the only place that touches its database.

mod deployment;
mod migrations;
mod revision;

use hearth_base::Result;
use hearth_kit::db::{Db, Tx, work::Work};

pub use deployment::{BUSY, Before, CHANGED, Content, Deployment, Failure, Progress, busy};
pub use migrations::migrations;

/// The database of `components`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// What is done later.
    pub work: Work,
}

impl Store {
    /// The tables in `db`, and the work in it.
    pub fn new(db: Db, work: Work) -> Self {
        Self { db, work }
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}
