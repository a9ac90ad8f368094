//! Locks by key. A lock exists while a task holds it or waits for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A set of locks by key; see the module.
#[derive(Debug)]
pub struct KeyedLocks<K: Ord>(Mutex<BTreeMap<K, Weak<AsyncMutex<()>>>>);

impl<K: Ord> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> KeyedLocks<K> {
    /// Waits for the lock of a key. The lock is released when the guard is dropped.
    pub async fn lock(&self, key: K) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A weak reference without an owner is a released lock. Removing it bounds the map.
            locks.retain(|_, lock| lock.strong_count() > 0);
            let existing = locks.get(&key).and_then(Weak::upgrade);
            existing.unwrap_or_else(|| {
                let lock = Arc::default();
                locks.insert(key, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }
}
