//! The waiters of this process, by topic.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{Topic, WakeListener};

/// The longest that a waiter goes without reading the database, where wake-ups come from every process.
const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(600);
/// The same where wake-ups of other processes do not come.
const SHORT_POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How far wake-ups reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReach {
    /// There is one process: the database is a file.
    OneProcess,
    /// Every process that is connected by [`connect_processes`](super::connect_processes).
    ConnectedProcesses,
    /// The database cannot notify: this process only, and the others poll.
    Polling,
}

/// The waiters of this process, and what other processes are still to be told.
#[derive(Debug)]
pub struct WakeHub {
    reach: WakeReach,
    /// Notifications of other processes arrive. Without effect where processes are not connected.
    connected: AtomicBool,
    state: Mutex<HubState>,
    /// Topics are waiting to be sent to other processes.
    outgoing: Notify,
}

#[derive(Debug, Default)]
struct HubState {
    last_id: u64,
    /// By the text of a topic, by the id of the listener.
    listeners: BTreeMap<String, BTreeMap<u64, Arc<Notify>>>,
    /// Topics for other processes, each once, however many transactions have changed it.
    outgoing: BTreeSet<String>,
}

impl WakeHub {
    pub fn new(reach: WakeReach) -> Self {
        // They are connected before the first waiter comes, or will be found not to be.
        let (state, outgoing) = Default::default();
        Self { reach, connected: AtomicBool::new(true), state, outgoing }
    }

    /// How far its wake-ups reach.
    pub fn reach(&self) -> WakeReach {
        self.reach
    }

    /// Adds a listener for some topics.
    pub fn add_listener(self: &Arc<Self>, topics: impl IntoIterator<Item = Topic>) -> WakeListener {
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

    /// Wakes the waiters of topics in this process, and soon those in others.
    pub fn wake_topics(&self, topics: &BTreeSet<Topic>) {
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
    pub(super) fn wake_here<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        let state = self.lock_state();
        topics.into_iter().for_each(|topic| state.wake_topic(topic));
    }

    /// Wakes every waiter of this process.
    pub fn wake_everybody(&self) {
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

    /// Notes whether notifications of other processes arrive. Once they do again, everybody looks: some may be lost.
    pub(super) fn set_connected(&self, connected: bool) {
        if self.connected.swap(connected, Ordering::Relaxed) != connected {
            self.wake_everybody();
        }
    }

    /// How long a waiter waits at most before it looks by itself.
    pub(super) fn poll_interval(&self) -> Duration {
        match self.reach {
            WakeReach::OneProcess => IDLE_POLL_INTERVAL,
            WakeReach::ConnectedProcesses if self.connected.load(Ordering::Relaxed) => IDLE_POLL_INTERVAL,
            WakeReach::ConnectedProcesses | WakeReach::Polling => SHORT_POLL_INTERVAL,
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, HubState> {
        // Each change leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HubState {
    fn wake_topic(&self, topic: &str) {
        if let Some(listeners) = self.listeners.get(topic) {
            // Kept for a listener that does not wait at this moment.
            listeners.values().for_each(|notify| notify.notify_one());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_poll_often_only_where_wake_ups_of_other_processes_do_not_come() {
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
    async fn waits_shorter_than_the_poll_interval_add_up_to_one() {
        let hub = Arc::new(WakeHub::new(WakeReach::OneProcess));
        let mut listener = hub.add_listener([Topic::named("tool")]);
        assert!(!listener.wait_for(Duration::ZERO).await);
        listener.last_read -= IDLE_POLL_INTERVAL;
        assert!(
            listener.wait_for(Duration::from_millis(1)).await,
            "the poll is due, though each wait was short"
        );
        assert!(!listener.wait_for(Duration::ZERO).await);
    }
}
