//! The bookkeeping that every runtime of single containers shares: which version is wanted, what must be
//! started, stopped or forgotten, and who is told. It starts nothing itself: a [`Driver`] does, and reports.

mod images;
mod ledger;
mod pause;
mod plan;
mod probes;
mod record;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hearth_base::{Clock, Digest, Entropy, Error, Result, ToolId};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::{Feature, Health, InstanceId, Owner, Phase, Version, Workload, WorkloadId};

pub use images::ImageLedger;
pub use pause::Pauses;
pub use probes::{ProbeRequest, Prober};
pub use record::{Kept, Tracked};

use ledger::{Applied, Ledger};
use plan::Step;

/// Starts and stops containers for an [`Engine`]. No method waits: what happens is reported later.
pub trait Driver: Send + Sync + 'static {
    /// The features that this driver executes. A workload that needs others is refused by their codes.
    fn features(&self) -> &[Feature];
    /// Refuses a workload that can't be started here, such as one whose image is missing.
    fn check(&self, workload: &Workload) -> Result<()>;
    /// Starts a container. Asked for at most once per instance.
    fn start(&self, instance: InstanceId, workload: &Arc<Workload>);
    /// Asks a container to end, and kills it after `grace`.
    fn stop(&self, instance: InstanceId, grace: Duration);
    /// Forgets a container that has ended, with its log.
    fn remove(&self, instance: InstanceId);
}

/// Keeps on a disk what must survive the process.
pub trait Journal: Send + Sync + 'static {
    /// Keeps what is wanted; it is on the disk when this returns.
    fn save(&self, kept: &Kept) -> Result<()>;
    /// Forgets a workload, and keeps for ever that it was there.
    fn forget(&self, id: WorkloadId, version: Version) -> Result<()>;
    /// Keeps what probes have found out about a container, for the next process of the runtime. Where that does not
    /// work, the next process probes anew.
    fn save_health(&self, instance: InstanceId, health: &Health);
}

/// What a driver reports about an instance.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which one.
    pub instance: InstanceId,
    /// What it does now.
    pub phase: Phase,
}

/// What was known before: by an earlier process, or nothing.
#[derive(Debug, Default)]
pub struct Known {
    /// Workloads with their containers.
    pub workloads: Vec<(Kept, Vec<Tracked>)>,
    /// Workloads that were acknowledged, or stopped before they came.
    pub gone: Vec<(WorkloadId, Version)>,
}

/// See the module.
pub struct Engine {
    ledger: Mutex<Ledger>,
    driver: Arc<dyn Driver>,
    prober: Arc<dyn Prober>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    pauses: Pauses,
    changed: tokio::sync::watch::Sender<u64>,
    wake: Notify,
}

impl Engine {
    /// An engine that goes on from what is `known`. Nothing is started before [`Engine::run`].
    pub fn new(
        driver: Arc<dyn Driver>,
        prober: Arc<dyn Prober>,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        pauses: Pauses,
        known: Known,
    ) -> Self {
        let life = u64::from_le_bytes(Entropy::System.bytes()) >> 12;
        Self {
            ledger: Mutex::new(Ledger::new(life, known)),
            driver,
            prober,
            journal,
            clock,
            pauses,
            changed: tokio::sync::watch::Sender::new(0),
            wake: Notify::new(),
        }
    }

    /// Takes reports, sends probes and starts again what has to be, for ever.
    pub async fn run(&self, reports: mpsc::UnboundedReceiver<Report>) {
        tokio::select! {
            () = self.take_reports(reports) => {}
            () = self.send_probes() => {}
        }
    }

    async fn take_reports(&self, mut reports: mpsc::UnboundedReceiver<Report>) {
        loop {
            let due = self.settle();
            let pause = due.map(|due| Duration::try_from(due - self.clock.now()).unwrap_or_default());
            let pause = pause.unwrap_or(Duration::from_secs(3600));
            tokio::select! {
                report = reports.recv() => match report {
                    Some(report) => self.take(&report),
                    None => return,
                },
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// See [`crate::Runtime::apply`].
    pub fn apply(&self, workload: Workload) -> Result<()> {
        workload.check()?;
        let missing = workload.required_features().into_iter().find(|needed| !self.supports(*needed));
        if let Some(missing) = missing {
            return Err(missing.unsupported());
        }
        let mut ledger = self.ledger();
        match ledger.accepts(&workload)? {
            Applied::Same => return Ok(()),
            Applied::Changed => {}
        }
        self.driver.check(&workload)?;
        let kept = ledger.kept_after(workload);
        self.journal.save(&kept)?;
        ledger.keep(kept, self.clock.now());
        drop(ledger);
        self.announce();
        Ok(())
    }

    /// See [`crate::Runtime::stop`].
    pub fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        let mut ledger = self.ledger();
        match ledger.kept_stopped(id, version, grace, self.clock.now())? {
            Some(kept) => {
                self.journal.save(&kept)?;
                ledger.keep(kept, self.clock.now());
            }
            None => {
                self.journal.forget(id, version)?;
                ledger.bury(id, version);
            }
        }
        drop(ledger);
        self.announce();
        Ok(())
    }

    /// See [`crate::Runtime::acknowledge`].
    pub fn acknowledge(&self, id: WorkloadId) -> Result<()> {
        let mut ledger = self.ledger();
        let Some(record) = ledger.record(id) else { return Ok(()) };
        if !record.done() {
            return Err(Error::conflict("not-done", format!("{id} has not ended"))
                .help("stop it and wait until it is done"));
        }
        let version = record.kept.version;
        let instances: Vec<InstanceId> = record.instances.keys().copied().collect();
        self.journal.forget(id, version)?;
        ledger.bury(id, version);
        drop(ledger);
        instances.into_iter().for_each(|instance| self.driver.remove(instance));
        self.announce();
        Ok(())
    }

    /// The workload an instance was started for, and what it does.
    pub fn instance(&self, instance: InstanceId) -> Result<Tracked> {
        let ledger = self.ledger();
        let record = ledger.record(instance.workload);
        let tracked = record.and_then(|record| record.instances.get(&instance));
        tracked.cloned().ok_or_else(|| Error::not_found("instance", instance))
    }

    /// Refuses while anything of a tool is not acknowledged.
    pub fn must_be_idle(&self, tool: ToolId) -> Result<()> {
        let owner = Owner::Tool(tool);
        match self.ledger().records().find(|record| record.kept.workload.owner == owner && !record.done()) {
            Some(record) => Err(Error::conflict(
                "tool-still-runs",
                format!("{} of {tool} has not ended", record.kept.workload.id()),
            )
            .help("stop its workloads first")),
            None => Ok(()),
        }
    }

    /// Runs `remove` with the images that workloads use, while no workload can be applied.
    pub fn without_new_workloads<T>(&self, remove: impl FnOnce(&dyn Fn(Digest) -> bool) -> T) -> T {
        let ledger = self.ledger();
        let used = ledger.images();
        remove(&|image| used.contains(&image))
    }

    fn supports(&self, feature: Feature) -> bool {
        self.driver.features().contains(&feature)
    }

    fn take(&self, report: &Report) {
        let found = self.ledger().report(report, &self.pauses);
        if found {
            self.announce();
        }
    }

    /// Starts, stops and forgets what the plan says, and tells when there is more to do.
    fn settle(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut ledger = self.ledger();
        let mut due: Option<Timestamp> = None;
        let (mut todo, mut is_news) = (Vec::new(), false);
        for id in ledger.unsettled() {
            let Some(record) = ledger.record(id) else { continue };
            let plan = plan::plan(record, now, &self.pauses);
            due = plan.due.into_iter().chain(due).min();
            is_news |= ledger.set_draining(id, &plan.draining, now);
            if plan.due.is_none() {
                ledger.settled(id);
            }
            for step in plan.steps {
                todo.push((step, ledger.begin(id, &step)));
            }
        }
        drop(ledger);
        if is_news || !todo.is_empty() {
            self.notify();
        }
        for (step, workload) in todo {
            match (step, workload) {
                (Step::Start(instance), Some(workload)) => self.driver.start(instance, &workload),
                (Step::Start(_), None) => {}
                (Step::Stop(instance, grace), _) => self.driver.stop(instance, grace),
                (Step::Remove(instance), _) => self.driver.remove(instance),
            }
        }
        due
    }

    fn announce(&self) {
        self.notify();
        self.wake.notify_one();
    }

    fn notify(&self) {
        let change = self.ledger().change();
        self.changed.send_if_modified(|seen| {
            let more = change > *seen;
            *seen = change.max(*seen);
            more
        });
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
