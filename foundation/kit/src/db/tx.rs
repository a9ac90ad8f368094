//! A transaction that writes.

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
    OrFault,
    wake::{Topic, WakeHub},
};

/// A transaction that writes. What is done in it happens at [`Tx::commit`], or never.
#[derive(Debug)]
pub struct Tx {
    transaction: DatabaseTransaction,
    hub: Arc<WakeHub>,
    /// The topics that its commit changes.
    topics: Mutex<BTreeSet<Topic>>,
    /// Given up when it is over.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    pub(super) fn new(
        transaction: DatabaseTransaction,
        hub: Arc<WakeHub>,
        turn: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        Self { transaction, hub, topics: Mutex::default(), _turn: turn }
    }

    /// Makes it happen, and wakes the waiters of the topics that it changes.
    pub fn commit(self) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let Self { transaction, hub, topics, _turn } = self;
            let topics = topics.into_inner().unwrap_or_else(PoisonError::into_inner);
            let _wakes = WakeOnDrop { hub, topics };
            transaction.commit().await.or_fault()
        })
    }

    /// Has the commit wake the waiters of a topic.
    pub fn wake(&self, topic: Topic) {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).insert(topic);
    }
}

/// Wakes waiters when it is dropped: also where the answer to the commit is lost, or nobody waits for it, it may have
/// happened.
struct WakeOnDrop {
    hub: Arc<WakeHub>,
    topics: BTreeSet<Topic>,
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
