//! The context of handlers, rules and workers.

use std::{sync::Arc, time::Duration};

use hearth_base::{Result, ToolId};
use hearth_kit::{
    Kit, RequestContext,
    db::Tx,
    events::NewEvent,
    tasks::{Stop, Tasks},
    wake::{WakeListener, WakeReason},
};
use hearth_runtime_api::Runtime;
use hearth_runtime_controller::Controller;
use hearth_wire::events::Topic;
use jiff::Timestamp;
use tokio::{sync::broadcast, time::Instant};

use crate::{
    JobsSettings,
    neighbours::Neighbours,
    store::{Store, runs_topic, schedule_topic},
};

/// The most news of begun runs that wait for their listener.
const BEGUN: usize = 256;

/// The context of handlers, rules and workers.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext<JobsSettings>,
    pub store: Store,
    pub neighbours: Neighbours,
    pub runtime: Arc<dyn Runtime>,
    /// Brings images and workloads to the runtime.
    pub controller: Arc<Controller>,
    pub tasks: Tasks,
    /// When this process began to look at schedules.
    pub started: Timestamp,
    /// Runs whose logs can be taken. Whoever misses one finds it in the database.
    pub begun: broadcast::Sender<String>,
}

impl Cx {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let neighbours = Neighbours::new(kit);
        let controller = Controller::new(Arc::clone(&runtime), Arc::new(neighbours.clone()));
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: Store::new(kit.db()?.clone(), kit.queue()?, kit.tasks.stop_sign()),
            started: kit.clock.now(),
            neighbours,
            runtime,
            controller: Arc::new(controller),
            tasks: kit.tasks.clone(),
            begun: broadcast::Sender::new(BEGUN),
        })
    }

    /// Has the commit of a change wake the waiters for the runs of these tools.
    pub fn wake_run_watchers(tx: &Tx, tools: impl IntoIterator<Item = ToolId>) {
        tools.into_iter().for_each(|tool| tx.wake(runs_topic(tool)));
    }

    /// News of what runs of a tool from now on, for a caller who waits for some for so long.
    pub fn news(&self, tool: ToolId, patience: Duration) -> News {
        let (listener, stop) = (self.store.listen([runs_topic(tool)]), self.tasks.stop_sign());
        News { listener, stop, deadline: Instant::now() + patience }
    }

    /// Tells that logs of these runs can be taken.
    pub fn tell_begun(&self, runs: impl IntoIterator<Item = String>) {
        for run in runs {
            let _nobody_takes_them_here = self.begun.send(run);
        }
    }

    /// Wakes the scheduler.
    pub fn wake_scheduler(&self) {
        self.store.wake(schedule_topic());
    }

    /// A new event that happens now.
    pub fn event<T: Topic>(&self, event: &T) -> Result<NewEvent> {
        NewEvent::new(self.id(), self.now(), event)
    }
}

/// News of what runs.
pub struct News {
    listener: WakeListener,
    stop: Stop,
    deadline: Instant,
}

impl News {
    /// Waits until something is different since the last time; false when that takes too long, or it is time to end.
    pub async fn come(&mut self) -> bool {
        self.listener.wait(self.deadline, &self.stop).await == WakeReason::Changed
    }
}

hearth_kit::impl_request_context!(Cx, JobsSettings);
