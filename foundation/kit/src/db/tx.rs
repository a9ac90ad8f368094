//! A transaction that writes.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::Result;
use sea_orm::DatabaseTransaction;
use tokio::sync::{Notify, OwnedMutexGuard};

use super::OrFault;

/// A transaction that writes. What is done in it happens at [`Tx::commit`], or never.
#[derive(Debug)]
pub struct Tx {
    transaction: DatabaseTransaction,
    /// Whoever waits in this process for something that is in it.
    waiting: Mutex<Vec<Arc<Notify>>>,
    /// Given up when it is over.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    pub(super) fn new(transaction: DatabaseTransaction, turn: Option<OwnedMutexGuard<()>>) -> Self {
        Self { transaction, waiting: Mutex::default(), _turn: turn }
    }

    /// Makes it happen, and wakes whoever waits for that.
    pub async fn commit(self) -> Result<()> {
        let Self { transaction, waiting, _turn } = self;
        let _wakes = Wakes(waiting.into_inner().unwrap_or_else(PoisonError::into_inner));
        transaction.commit().await.or_fault()
    }

    /// Has whoever waits for `news` woken when it has happened.
    pub(super) fn wakes(&self, news: &Arc<Notify>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|known| Arc::ptr_eq(known, news)) {
            waiting.push(Arc::clone(news));
        }
    }
}

/// Wakes those who wait when it is dropped: also where the answer to the commit is lost, or nobody waits for it, it may
/// have happened.
struct Wakes(Vec<Arc<Notify>>);

impl Drop for Wakes {
    fn drop(&mut self) {
        self.0.iter().for_each(|news| news.notify_waiters());
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}
