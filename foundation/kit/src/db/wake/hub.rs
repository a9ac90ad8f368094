//! Registry of the listeners in this process, by topic.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{WakeListener, WakeTopic};

/// Poll interval of a waiter that receives the wake-ups of all processes.
const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(600);
/// Poll interval of a waiter that does not receive the wake-ups of other processes.
const SHORT_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Reach of wake-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReach {
    /// One process: the database is a file.
    OneProcess,
    /// All processes that are connected by [`connect_processes`](super::connect_processes).
    ConnectedProcesses,
    /// This process only; other processes poll, because the database has no notifications.
    Polling,
}

/// Listeners of this process, and the topics that are still to be sent to other processes.
#[derive(Debug)]
pub struct WakeHub {
    reach: WakeReach,
    /// True while notifications of other processes arrive. Only used with [`WakeReach::ConnectedProcesses`].
    connected: AtomicBool,
    state: Mutex<HubState>,
    /// Signals that there are topics to send to other processes.
    outgoing: Notify,
}

#[derive(Debug, Default)]
struct HubState {
    last_id: u64,
    /// By topic text, then by listener id.
    listeners: BTreeMap<String, BTreeMap<u64, Arc<Notify>>>,
    /// Topics to send to other processes, deduplicated.
    outgoing: BTreeSet<String>,
}

impl WakeHub {
    pub fn new(reach: WakeReach) -> Self {
        // Optimistic: the connection is made before the first waiter, and a failure resets this.
        let (state, outgoing) = Default::default();
        Self { reach, connected: AtomicBool::new(true), state, outgoing }
    }

    /// Reach of the wake-ups.
    pub fn reach(&self) -> WakeReach {
        self.reach
    }

    /// Adds a listener for some topics.
    pub fn add_listener(self: &Arc<Self>, topics: impl IntoIterator<Item = WakeTopic>) -> WakeListener {
        let topics: Vec<String> = topics.into_iter().map(|topic| topic.to_string()).collect();
        let notify = Arc::new(Notify::new());
        let mut state = self.lock_state();
        state.last_id += 1;
        let id = state.last_id;
        for topic in &topics {
            state.listeners.entry(topic.clone()).or_default().insert(id, Arc::clone(&notify));
        }
        drop(state);
        WakeListener { hub: Arc::clone(self), id, topics, notify, last_read: Instant::now() }
    }

    pub(super) fn remove_listener(&self, id: u64, topics: &[String]) {
        let mut state = self.lock_state();
        for topic in topics {
            if let Some(listeners) = state.listeners.get_mut(topic) {
                listeners.remove(&id);
                if listeners.is_empty() {
                    state.listeners.remove(topic);
                }
            }
        }
    }

    /// Wakes the waiters of topics in this process, and asynchronously those in other processes.
    pub fn wake_topics(&self, topics: &BTreeSet<WakeTopic>) {
        if topics.is_empty() {
            return;
        }
        let mut state = self.lock_state();
        for topic in topics {
            let topic = topic.to_string();
            state.wake_topic(&topic);
            if self.reach == WakeReach::ConnectedProcesses {
                state.outgoing.insert(topic);
            }
        }
        drop(state);
        self.outgoing.notify_one();
    }

    /// Wakes the waiters of topics that another process has changed.
    pub(super) fn wake_local_topics<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        let state = self.lock_state();
        topics.into_iter().for_each(|topic| state.wake_topic(topic));
    }

    /// Wakes every waiter of this process.
    pub fn wake_all(&self) {
        let state = self.lock_state();
        state.listeners.values().flat_map(BTreeMap::values).for_each(|notify| notify.notify_one());
    }

    /// Waits until there are topics for other processes, and takes them.
    pub(super) async fn take_outgoing(&self) -> BTreeSet<String> {
        loop {
            self.outgoing.notified().await;
            let outgoing = std::mem::take(&mut self.lock_state().outgoing);
            if !outgoing.is_empty() {
                return outgoing;
            }
        }
    }

    /// Stores whether notifications of other processes arrive. Each change wakes all waiters: notifications may be
    /// lost.
    pub(super) fn set_connected(&self, connected: bool) {
        if self.connected.swap(connected, Ordering::Relaxed) != connected {
            self.wake_all();
        }
    }

    /// Maximum time that a waiter waits without reading the database.
    pub(super) fn poll_interval(&self) -> Duration {
        match self.reach {
            WakeReach::OneProcess => IDLE_POLL_INTERVAL,
            WakeReach::ConnectedProcesses if self.connected.load(Ordering::Relaxed) => IDLE_POLL_INTERVAL,
            WakeReach::ConnectedProcesses | WakeReach::Polling => SHORT_POLL_INTERVAL,
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, HubState> {
        // A panic cannot leave the state inconsistent, so a poisoned lock is used further.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HubState {
    fn wake_topic(&self, topic: &str) {
        if let Some(listeners) = self.listeners.get(topic) {
            // `notify_one` stores a permit for a listener that is not waiting at the moment.
            listeners.values().for_each(|notify| notify.notify_one());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_interval_is_short_only_without_notifications() {
        for reach in [WakeReach::OneProcess, WakeReach::ConnectedProcesses] {
            assert_eq!(WakeHub::new(reach).poll_interval(), IDLE_POLL_INTERVAL);
        }
        assert_eq!(WakeHub::new(WakeReach::Polling).poll_interval(), SHORT_POLL_INTERVAL);
        let hub = WakeHub::new(WakeReach::ConnectedProcesses);
        for (connected, interval) in [(false, SHORT_POLL_INTERVAL), (true, IDLE_POLL_INTERVAL)] {
            hub.set_connected(connected);
            assert_eq!(hub.poll_interval(), interval);
        }
    }

    #[tokio::test]
    async fn short_waits_add_up_to_a_poll_interval() {
        let hub = Arc::new(WakeHub::new(WakeReach::OneProcess));
        let mut listener = hub.add_listener([WakeTopic::new("tool")]);
        assert!(!listener.wait_for(Duration::ZERO).await);
        listener.last_read -= IDLE_POLL_INTERVAL;
        assert!(
            listener.wait_for(Duration::from_millis(1)).await,
            "the poll is due although each wait was short"
        );
        assert!(!listener.wait_for(Duration::ZERO).await);
    }
}
