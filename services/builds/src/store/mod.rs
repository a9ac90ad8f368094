//! The tables of `builds`: the only place that touches its database.

mod build;
mod migrations;
mod source;

use hearth_base::Result;
use hearth_kit::db::{Db, Tx, columns, work::Work};

pub use build::Build;
pub use migrations::migrations;
pub use source::Source;

/// The database of `builds`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// What is done later: builds for builders, ends of time limits, and tidying.
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
