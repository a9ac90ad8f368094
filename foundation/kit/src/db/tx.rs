//! Write transactions.

use std::{
    collections::BTreeSet,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use hearth_base::Result;
use sea_orm::DatabaseTransaction;
use tokio::sync::OwnedMutexGuard;

use super::{
    OrDbError,
    wake::{WakeHub, WakeTopic},
};

/// A write transaction. It takes effect with [`Tx::commit`] and is rolled back when it is dropped without it.
#[derive(Debug)]
pub struct Tx {
    transaction: DatabaseTransaction,
    hub: Arc<WakeHub>,
    /// Wake-up topics that the commit changes.
    topics: Mutex<BTreeSet<WakeTopic>>,
    /// Held until the transaction ends.
    _background_lock: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    pub(super) fn new(
        transaction: DatabaseTransaction,
        hub: Arc<WakeHub>,
        background_lock: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        Self { transaction, hub, topics: Mutex::default(), _background_lock: background_lock }
    }

    /// Commits, and wakes the waiters of the topics that the transaction changes.
    pub fn commit(self) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let Self { transaction, hub, topics, _background_lock: _turn } = self;
            let topics = topics.into_inner().unwrap_or_else(PoisonError::into_inner);
            let _wakes = WakeOnDrop { hub, topics };
            transaction.commit().await.or_db_error()
        })
    }

    /// Registers a topic whose waiters the commit wakes.
    pub fn wake(&self, topic: WakeTopic) {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).insert(topic);
    }
}

/// Wakes waiters on drop: the commit may have succeeded even when its response is lost or the future is dropped.
struct WakeOnDrop {
    hub: Arc<WakeHub>,
    topics: BTreeSet<WakeTopic>,
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.hub.wake_topics(&self.topics);
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}
