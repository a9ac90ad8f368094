//! The context that handlers, rules and workers share.

use std::{sync::Arc, time::Duration};

use hearth_base::{Result, ToolId};
use hearth_kit::{
    Kit, RequestContext,
    db::Tx,
    events::NewEvent,
    tasks::{BackgroundTasks, ShutdownSignal},
    wake::{WakeListener, WakeReason},
};
use hearth_runtime_api::Runtime;
use hearth_runtime_controller::Controller;
use hearth_wire::events::Topic;
use jiff::Timestamp;
use tokio::{sync::broadcast, time::Instant};

use crate::{
    JobsSettings,
    peers::PeerServices,
    store::{JobStore, runs_topic, schedule_topic},
};

/// Capacity of the channel of announced runs: the maximum number that the log worker has not received yet.
const RUNS_WITH_LOGS_CAPACITY: usize = 256;

/// The context that handlers, rules and workers share.
#[derive(Clone)]
pub struct JobsContext {
    base: RequestContext<JobsSettings>,
    pub store: JobStore,
    pub peers: PeerServices,
    pub runtime: Arc<dyn Runtime>,
    /// Delivers images and applies workloads to the runtime.
    pub controller: Arc<Controller>,
    pub tasks: BackgroundTasks,
    /// Start of this process: earlier due times without a run count as missed by downtime.
    pub process_started_at: Timestamp,
    /// Channel of the ids of runs whose logs can be read. A receiver that lags behind reads them from the database.
    pub runs_with_logs: broadcast::Sender<String>,
}

impl JobsContext {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let peers = PeerServices::new(kit);
        let controller = Controller::new(Arc::clone(&runtime), Arc::new(peers.clone()));
        Ok(Self {
            base: RequestContext::from_kit(kit),
            store: JobStore::new(kit.db()?.clone(), kit.create_queue()?, kit.tasks.shutdown_signal()),
            process_started_at: kit.clock.now(),
            peers,
            runtime,
            controller: Arc::new(controller),
            tasks: kit.tasks.clone(),
            runs_with_logs: broadcast::Sender::new(RUNS_WITH_LOGS_CAPACITY),
        })
    }

    /// Wakes the watchers of these tools' runs when the transaction commits.
    pub fn wake_run_watchers(tx: &Tx, tools: impl IntoIterator<Item = ToolId>) {
        tools.into_iter().for_each(|tool| tx.wake(runs_topic(tool)));
    }

    /// Watches a tool's runs from now on, for `timeout` at most.
    pub fn watch_runs(&self, tool: ToolId, timeout: Duration) -> RunWatch {
        let (listener, stop) = (self.store.listen([runs_topic(tool)]), self.tasks.shutdown_signal());
        RunWatch { listener, stop, deadline: Instant::now() + timeout }
    }

    /// Announces to the log worker the runs whose logs can be read now.
    pub fn announce_runs_with_logs(&self, runs: impl IntoIterator<Item = String>) {
        for run in runs {
            let _no_log_worker_here = self.runs_with_logs.send(run);
        }
    }

    /// Wakes the scheduler.
    pub fn wake_scheduler(&self) {
        self.store.wake(schedule_topic());
    }

    /// Creates an event with a new id and the current time, without storing it.
    pub fn create_event<T: Topic>(&self, event: &T) -> Result<NewEvent> {
        NewEvent::new(self.generate_id(), self.now(), event)
    }
}

/// A watch of a tool's runs and workloads.
pub struct RunWatch {
    listener: WakeListener,
    stop: ShutdownSignal,
    deadline: Instant,
}

impl RunWatch {
    /// Waits for a change since the last call. Returns false after the timeout or when the process stops.
    pub async fn wait_for_change(&mut self) -> bool {
        self.listener.wait(self.deadline, &self.stop).await == WakeReason::Changed
    }
}

hearth_kit::impl_request_context!(JobsContext, JobsSettings);
