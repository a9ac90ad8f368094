//! A transaction that writes.

use std::ops::Deref;

use hearth_base::Result;
use sea_orm::DatabaseTransaction;

use super::OrFault;

/// A transaction that writes. What is done in it happens at [`Tx::commit`], or never.
#[derive(Debug)]
pub struct Tx(DatabaseTransaction);

impl Tx {
    pub(super) fn new(transaction: DatabaseTransaction) -> Self {
        Self(transaction)
    }

    /// Makes it happen.
    pub async fn commit(self) -> Result<()> {
        self.0.commit().await.or_fault()
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.0
    }
}
