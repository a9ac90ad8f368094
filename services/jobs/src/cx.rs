//! What handlers, rules and workers of this service stand on.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Entropy, Id, IdKind, Result};
use hearth_kit::{
    Kit,
    events::NewEvent,
    tasks::{Stop, Tasks},
};
use hearth_runtime_api::{Runtime, WorkloadId};
use hearth_runtime_controller::Controller;
use hearth_wire::events::Topic;
use jiff::Timestamp;
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

use crate::{JobsSettings, neighbours::Neighbours, store::Store};

/// The most news of begun runs that wait for their listener.
const BEGUN: usize = 256;

fn bump(counter: &watch::Sender<u64>) {
    counter.send_modify(|count| *count = count.wrapping_add(1));
}

/// What handlers, rules and workers of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Arc<JobsSettings>,
    pub neighbours: Neighbours,
    pub runtime: Arc<dyn Runtime>,
    /// Brings images and workloads to the runtime.
    pub controller: Arc<Controller>,
    pub tasks: Tasks,
    /// When this process began to look at schedules.
    pub started: Timestamp,
    /// Counts changes of what runs, for those who wait for one.
    pub seen: watch::Sender<u64>,
    /// Counts changes of what is kept running, for the worker that asks how it is.
    pub kept: watch::Sender<u64>,
    /// Runs whose logs can be taken. Whoever misses one finds it in the database.
    pub begun: broadcast::Sender<String>,
    /// Counts changes of schedules: something may be due earlier than the scheduler thinks.
    pub planned: watch::Sender<u64>,
}

impl Cx {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let neighbours = Neighbours::new(kit);
        let controller = Controller::new(Arc::clone(&runtime), Arc::new(neighbours.clone()));
        Ok(Self {
            store: Store::new(kit.db()?.clone(), kit.work()?, kit.tasks.stop_sign()),
            clock: kit.clock.clone(),
            started: kit.clock.now(),
            entropy: kit.entropy.clone(),
            settings: kit.settings(),
            neighbours,
            runtime,
            controller: Arc::new(controller),
            tasks: kit.tasks.clone(),
            seen: watch::Sender::default(),
            kept: watch::Sender::default(),
            begun: broadcast::Sender::new(BEGUN),
            planned: watch::Sender::default(),
        })
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Wakes whoever waits for news of these workloads.
    pub fn wake_watchers(&self, changed: impl IntoIterator<Item = WorkloadId>) {
        bump(&self.seen);
        if changed.into_iter().any(|id| matches!(id, WorkloadId::Set(_))) {
            bump(&self.kept);
        }
    }

    /// News of what runs from now on, for whoever waits for some for so long.
    pub fn news(&self, patience: Duration) -> News {
        let (seen, stop) = (self.seen.subscribe(), self.tasks.stop_sign());
        News { seen, stop, deadline: Instant::now() + patience }
    }

    /// Tells that logs of these runs can be taken.
    pub fn tell_begun(&self, runs: impl IntoIterator<Item = String>) {
        for run in runs {
            let _nobody_takes_them_here = self.begun.send(run);
        }
    }

    /// Wakes the scheduler.
    pub fn wake_scheduler(&self) {
        bump(&self.planned);
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        Id::new(self.now(), &self.entropy)
    }

    /// A new event that happens now.
    pub fn event<T: Topic>(&self, event: &T) -> Result<NewEvent> {
        NewEvent::new(self.id(), self.now(), event)
    }
}

/// News of what runs.
pub struct News {
    seen: watch::Receiver<u64>,
    stop: Stop,
    deadline: Instant,
}

impl News {
    /// Waits until something is different since the last time; false when that takes too long, or it is time to end.
    pub async fn come(&mut self) -> bool {
        let news = tokio::time::timeout_at(self.deadline, self.seen.changed());
        matches!(self.stop.unless(news).await, Some(Ok(Ok(()))))
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
