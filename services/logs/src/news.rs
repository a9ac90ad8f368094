//! Waking those who follow when something is written. This service is the only writer, so nobody polls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::ToolId;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::store::Source;

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// One log.
    Log(Source),
    /// All of a tool.
    Tool(ToolId),
}

/// Those who follow, by what they follow.
#[derive(Debug, Clone, Default)]
pub struct News(Arc<Mutex<BTreeMap<Topic, Arc<Notify>>>>);

/// Hears when what is followed is written to.
#[derive(Debug, Clone)]
pub struct Heard(Arc<Notify>);

impl News {
    /// Somebody wants to hear when this is written to.
    pub fn of(&self, topic: Topic) -> Heard {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whom nobody but this map knows any more are gone.
        followed.retain(|_, notify| Arc::strong_count(notify) > 1);
        Heard(followed.entry(topic).or_default().clone())
    }

    /// A log was written to.
    pub fn tell(&self, source: Source) {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in [Topic::Tool(source.tool), Topic::Log(source)] {
            if let Some(notify) = followed.get(&topic) {
                notify.notify_waiters();
            }
        }
    }
}

impl Heard {
    /// Waits for the next time after this call, not after the first look at what it gives.
    pub fn next(&self) -> OwnedNotified {
        self.0.clone().notified_owned()
    }
}
