//! Waking those who follow a log when it is written to. This service is the only writer, so nobody polls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, futures::OwnedNotified};

use crate::store::Source;

/// Those who follow, by log.
#[derive(Debug, Clone, Default)]
pub struct News(Arc<Mutex<BTreeMap<Source, Arc<Notify>>>>);

/// Hears when one log is written to.
#[derive(Debug, Clone)]
pub struct Heard(Arc<Notify>);

impl News {
    /// Somebody wants to hear when this log is written to.
    pub fn of(&self, source: &Source) -> Heard {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whom nobody but this map knows any more are gone.
        followed.retain(|_, notify| Arc::strong_count(notify) > 1);
        Heard(followed.entry(source.clone()).or_default().clone())
    }

    /// A log was written to.
    pub fn tell(&self, source: &Source) {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = followed.get(source) {
            notify.notify_waiters();
        }
    }
}

impl Heard {
    /// Waits for the next time after this call, not after the first look at what it gives.
    pub fn next(&self) -> OwnedNotified {
        self.0.clone().notified_owned()
    }
}
