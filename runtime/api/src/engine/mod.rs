//! The reconciler that all runtimes of single containers share. It stores the wanted version of each
//! workload, plans which containers to start, stop and delete, and notifies observers. A [`Driver`] executes
//! the plans and reports phases.
//!
//! Lock order: the ledger's lock is the only one. It is held while the journal is written, so that the order
//! of versions on disk is that in memory, and never while the driver starts or stops a container.

mod backoff;
mod images;
mod ledger;
mod plan;
mod probes;
mod record;
mod refresh;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_base::{Clock, Digest, Entropy, Error, Result, ToolId};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::{Feature, Health, InstanceId, Owner, Phase, Version, Workload, WorkloadId};

pub use backoff::RestartBackoff;
pub use images::ImageLedger;
pub use probes::{ProbeRequest, Prober};
pub use record::{StoredWorkload, TrackedInstance};

use ledger::{ApplyEffect, Ledger};
use plan::PlanStep;

/// Starts and stops containers for an [`Engine`]. No method blocks; results arrive as [`PhaseReport`]s.
pub trait Driver: Send + Sync + 'static {
    /// The supported features. A workload that needs another one is refused with that feature's code.
    fn features(&self) -> &[Feature];
    /// Validates that a workload can be started, for example that its image is present.
    fn check(&self, workload: &Workload) -> Result<()>;
    /// Starts a container. Called at most once per instance.
    fn start(&self, instance: InstanceId, workload: &Arc<Workload>);
    /// Sends a container its stop signal, and kills it after `grace`.
    fn stop(&self, instance: InstanceId, grace: Duration);
    /// Deletes an ended container with its log.
    fn remove(&self, instance: InstanceId);
    /// Replaces the refreshed files of a container, which may be starting or have ended meanwhile. Called by a driver
    /// with [`Feature::RefreshedFile`] only.
    fn refresh_files(&self, _instance: InstanceId, _workload: &Workload) -> Result<()> {
        Err(Feature::RefreshedFile.to_unsupported_error())
    }
}

/// Durable storage of the engine's state.
pub trait Journal: Send + Sync + 'static {
    /// Stores a workload. It is on disk when the call returns.
    fn save(&self, stored: &StoredWorkload) -> Result<()>;
    /// Deletes a workload, and stores its version permanently as a tombstone.
    fn forget_workload(&self, id: WorkloadId, version: Version) -> Result<()>;
    /// Stores a container's health for the next runtime process. On failure, that process starts with unknown
    /// health.
    fn save_health(&self, instance: InstanceId, health: &Health);
}

/// A driver's report of an instance's phase.
#[derive(Debug, Clone)]
pub struct PhaseReport {
    /// The instance.
    pub instance: InstanceId,
    /// Its current phase.
    pub phase: Phase,
}

/// The state that an earlier runtime process left; empty at the first start.
#[derive(Debug, Default)]
pub struct RecoveredState {
    /// Workloads with their containers.
    pub workloads: Vec<(StoredWorkload, Vec<TrackedInstance>)>,
    /// Versions of workloads that were acknowledged, or stopped before they were applied.
    pub tombstones: Vec<(WorkloadId, Version)>,
}

/// The reconciler; see the module.
pub struct Engine {
    ledger: Mutex<Ledger>,
    driver: Arc<dyn Driver>,
    prober: Arc<dyn Prober>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    backoff: RestartBackoff,
    changed: tokio::sync::watch::Sender<u64>,
    wake: Notify,
}

impl Engine {
    /// Builds an engine from recovered state. It starts no container before [`Engine::run`].
    pub fn new(
        driver: Arc<dyn Driver>,
        prober: Arc<dyn Prober>,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        backoff: RestartBackoff,
        recovered: RecoveredState,
    ) -> Self {
        let process_number = u64::from_le_bytes(Entropy::System.generate_bytes()) >> 12;
        Self {
            ledger: Mutex::new(Ledger::new(process_number, recovered)),
            driver,
            prober,
            journal,
            clock,
            backoff,
            changed: tokio::sync::watch::Sender::new(0),
            wake: Notify::new(),
        }
    }

    /// Handles reports, sends probes and reconciles workloads until `reports` is closed.
    pub async fn run(&self, reports: mpsc::UnboundedReceiver<PhaseReport>) {
        tokio::select! {
            () = self.run_reconciler(reports) => {}
            () = self.send_probes() => {}
        }
    }

    async fn run_reconciler(&self, mut reports: mpsc::UnboundedReceiver<PhaseReport>) {
        loop {
            let due = self.reconcile_workloads();
            let pause = due.map(|due| Duration::try_from(due - self.clock.now()).unwrap_or_default());
            let pause = pause.unwrap_or(Duration::from_secs(3600));
            tokio::select! {
                report = reports.recv() => match report {
                    Some(report) => self.handle_report(&report),
                    None => return,
                },
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// See [`crate::Runtime::apply`].
    pub fn apply(&self, workload: Workload) -> Result<()> {
        workload.check_workload()?;
        let missing = workload.required_features().into_iter().find(|needed| !self.supports_feature(*needed));
        if let Some(missing) = missing {
            return Err(missing.to_unsupported_error());
        }
        let mut ledger = self.lock_ledger();
        match ledger.check_apply(&workload)? {
            ApplyEffect::Unchanged => return Ok(()),
            ApplyEffect::Changed => {}
        }
        self.driver.check(&workload)?;
        let stored = ledger.merge_applied(workload);
        self.journal.save(&stored)?;
        let workload = Arc::clone(&stored.workload);
        ledger.upsert_workload(stored, self.clock.now());
        let running = ledger.list_unended_instances(workload.id());
        drop(ledger);
        self.announce_change();
        // Containers that stay get the new content of their files.
        let has_files = !workload.files.is_empty();
        running
            .into_iter()
            .filter(|_| has_files)
            .try_for_each(|instance| self.driver.refresh_files(instance, &workload))
    }

    /// See [`crate::Runtime::stop`].
    pub fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        let mut ledger = self.lock_ledger();
        match ledger.merge_stopped(id, version, grace, self.clock.now())? {
            Some(stored) => {
                self.journal.save(&stored)?;
                ledger.upsert_workload(stored, self.clock.now());
            }
            None => {
                self.journal.forget_workload(id, version)?;
                ledger.forget_workload(id, version);
            }
        }
        drop(ledger);
        self.announce_change();
        Ok(())
    }

    /// See [`crate::Runtime::acknowledge_workload`].
    pub fn acknowledge_workload(&self, id: WorkloadId) -> Result<()> {
        let mut ledger = self.lock_ledger();
        let Some(record) = ledger.find_record(id) else { return Ok(()) };
        if !record.is_done() {
            return Err(Error::conflict("not-done", format!("workload has not ended: {id}"))
                .help("stop the workload and wait until it is done"));
        }
        let version = record.stored.version;
        let instances: Vec<InstanceId> = record.instances.keys().copied().collect();
        self.journal.forget_workload(id, version)?;
        ledger.forget_workload(id, version);
        drop(ledger);
        instances.into_iter().for_each(|instance| self.driver.remove(instance));
        self.announce_change();
        Ok(())
    }

    /// Finds an instance with its workload and phase. Error not-found.
    pub fn find_instance(&self, instance: InstanceId) -> Result<TrackedInstance> {
        let ledger = self.lock_ledger();
        let record = ledger.find_record(instance.workload);
        let tracked = record.and_then(|record| record.instances.get(&instance));
        tracked.cloned().ok_or_else(|| Error::not_found("instance", instance))
    }

    /// Runs `work` unless a workload of the tool, or of a preview of it, has not ended (error `tool-still-runs`). Holds the ledger's lock, so
    /// that no workload is applied meanwhile.
    pub fn with_idle_tool<T>(&self, tool: ToolId, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let ledger = self.lock_ledger();
        let is_own = |owner: Owner| owner.as_tool() == Some(tool);
        match ledger.records().find(|record| is_own(record.stored.workload.owner) && !record.is_done()) {
            Some(record) => Err(Error::conflict(
                "tool-still-runs",
                format!("tool {tool} has a workload that has not ended: {}", record.stored.workload.id()),
            )
            .help("stop the tool's workloads first")),
            None => work(),
        }
    }

    /// Runs `work` unless the runtime has a workload of the owner, also an ended one that is not acknowledged; `None`
    /// then. Holds the ledger's lock, so that no workload is applied meanwhile.
    pub fn with_absent_owner<T>(&self, owner: Owner, work: impl FnOnce() -> T) -> Option<T> {
        let ledger = self.lock_ledger();
        let is_present = ledger.records().any(|record| record.stored.workload.owner == owner);
        (!is_present).then(work)
    }

    /// Calls `remove` with a test for used images. Holds the ledger's lock, so that no workload is applied
    /// meanwhile.
    pub fn with_used_images<T>(&self, remove: impl FnOnce(&dyn Fn(Digest) -> bool) -> T) -> T {
        let ledger = self.lock_ledger();
        let used = ledger.list_used_images();
        remove(&|image| used.contains(&image))
    }

    fn supports_feature(&self, feature: Feature) -> bool {
        self.driver.features().contains(&feature)
    }

    fn handle_report(&self, report: &PhaseReport) {
        let found = self.lock_ledger().record_phase(report, &self.backoff);
        if found {
            self.announce_change();
        }
    }

    /// Plans all unsettled workloads and executes the plans. Returns the time of the next plan, if one is
    /// due.
    fn reconcile_workloads(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut ledger = self.lock_ledger();
        let mut due: Option<Timestamp> = None;
        let (mut todo, mut has_changed) = (Vec::new(), false);
        for id in ledger.unsettled() {
            let Some(record) = ledger.find_record(id) else { continue };
            let plan = plan::plan_rollout(record, now, &self.backoff);
            due = plan.due.into_iter().chain(due).min();
            has_changed |= ledger.set_draining(id, &plan.draining, now);
            if plan.due.is_none() {
                ledger.mark_settled(id);
            }
            for step in plan.steps {
                todo.push((step, ledger.record_step(id, &step)));
            }
        }
        // Steps are recorded under the lock and executed after its release, so that observers see a container
        // as starting before it starts. `notify_observers` takes the lock again.
        drop(ledger);
        if has_changed || !todo.is_empty() {
            self.notify_observers();
        }
        for (step, workload) in todo {
            match (step, workload) {
                (PlanStep::Start(instance), Some(workload)) => self.driver.start(instance, &workload),
                (PlanStep::Start(_), None) => {}
                (PlanStep::Stop(instance, grace), _) => self.driver.stop(instance, grace),
                (PlanStep::Remove(instance), _) => self.driver.remove(instance),
            }
        }
        due
    }

    fn announce_change(&self) {
        self.notify_observers();
        self.wake.notify_one();
    }

    fn notify_observers(&self) {
        let change = self.lock_ledger().last_change();
        self.changed.send_if_modified(|seen| {
            let more = change > *seen;
            *seen = change.max(*seen);
            more
        });
    }

    fn lock_ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
