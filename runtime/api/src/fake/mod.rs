//! A fake runtime for tests. It starts no process: programs are scripts that it executes in memory.
//!
//! A process whose `argv` is not a [`Script`] runs until it is stopped or the test ends it.

mod fake_instance;
mod images;
mod journal;
mod probe;
mod script;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Clock, Digest, Error, OpeningKeys, Result, SealingKey, ToolId};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    ByteStream, CheckVerdict, ContainerOutcome, Cursor, ExecRequest, ExecSession, Feature, FileRefresh,
    HostCheck, HostReport, InstanceId, LayerDescriptor, LogPage, Observation, Owner, Phase, ProbeFailure,
    ResolvedImage, Runtime, Termination, Usage, Version, Workload, WorkloadId,
    engine::{Driver, Engine, PhaseReport, Prober, RestartBackoff},
};

pub use script::{Script, ScriptStep};

use fake_instance::FakeInstance;
use images::FakeImages;
use journal::MemoryJournal;

/// A fake runtime; see the module.
pub struct FakeRuntime {
    engine: Arc<Engine>,
    driver: Arc<FakeDriver>,
    journal: Arc<MemoryJournal>,
    backoff: RestartBackoff,
    running: Mutex<JoinSet<()>>,
}

/// Executes the scripts of all instances.
struct FakeDriver {
    clock: Arc<dyn Clock>,
    /// Channel to the current engine.
    reports: Arc<Mutex<mpsc::UnboundedSender<PhaseReport>>>,
    /// The last report of each instance.
    phases: Arc<Mutex<BTreeMap<InstanceId, Phase>>>,
    instances: Mutex<BTreeMap<InstanceId, Arc<FakeInstance>>>,
    images: FakeImages,
    keys: OpeningKeys,
    homes: Arc<Mutex<BTreeMap<Owner, String>>>,
    address: Mutex<Option<Ipv4Addr>>,
    started: Arc<Mutex<Vec<StartedInstance>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// A container that was started, with its actual outcome, even if the engine never received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedInstance {
    /// The container.
    pub instance: InstanceId,
    /// The outcome, once it has ended.
    pub outcome: Option<ContainerOutcome>,
}

impl FakeRuntime {
    /// Starts an empty fake. Must be called within a tokio runtime.
    pub fn new(clock: Arc<dyn Clock>, backoff: RestartBackoff) -> Arc<Self> {
        // Replaced by the channel of the first engine.
        let (reports, _) = mpsc::unbounded_channel();
        let driver = Arc::new(FakeDriver {
            clock,
            reports: Arc::new(Mutex::new(reports)),
            phases: Arc::default(),
            instances: Mutex::default(),
            images: FakeImages::default(),
            // Without a key, no value can be sealed or opened.
            keys: OpeningKeys::generate().unwrap_or_default(),
            homes: Arc::default(),
            address: Mutex::default(),
            started: Arc::default(),
            tasks: Mutex::default(),
        });
        Self::start_process(driver, Arc::default(), backoff)
    }

    /// Simulates a restart of the runtime process. The next one recovers the durable state; containers
    /// continue to run.
    pub fn restart_process(&self) -> Arc<Self> {
        lock_mutex(&self.running).abort_all();
        Self::start_process(Arc::clone(&self.driver), Arc::clone(&self.journal), self.backoff)
    }

    fn start_process(
        driver: Arc<FakeDriver>,
        journal: Arc<MemoryJournal>,
        backoff: RestartBackoff,
    ) -> Arc<Self> {
        let (reports, reported) = mpsc::unbounded_channel();
        *lock_mutex(&driver.reports) = reports;
        let recovered = journal.recover_state(&lock_mutex(&driver.phases));
        let engine = Arc::new(Engine::new(
            Arc::clone(&driver) as Arc<dyn Driver>,
            Arc::clone(&driver) as Arc<dyn Prober>,
            Arc::clone(&journal) as Arc<dyn crate::engine::Journal>,
            Arc::clone(&driver.clock),
            backoff,
            recovered,
        ));
        let mut tasks = JoinSet::new();
        let running = Arc::clone(&engine);
        tasks.spawn(async move { running.run(reported).await });
        Arc::new(Self { engine, driver, journal, backoff, running: Mutex::new(tasks) })
    }

    /// Ends a running instance in the given way.
    pub fn end_instance(&self, instance: InstanceId, end: Termination) -> Result<()> {
        self.driver.find_instance(instance)?.force_end(end);
        Ok(())
    }

    /// Makes a running instance write a line.
    pub fn write_line(&self, instance: InstanceId, text: &str) -> Result<()> {
        self.driver.find_instance(instance)?.write(crate::LogStream::Out, text);
        Ok(())
    }

    /// Makes all probes of a running instance fail in this way; `None` ends this.
    pub fn set_probe_failure(&self, instance: InstanceId, failure: Option<ProbeFailure>) -> Result<()> {
        self.driver.find_instance(instance)?.set_probe_failure(failure);
        Ok(())
    }

    /// The workload that an instance was started for.
    pub fn find_workload(&self, instance: InstanceId) -> Result<Workload> {
        Ok(self.driver.find_instance(instance)?.workload().clone())
    }

    /// Lists every start of a container, in order. A container that was started twice is listed twice.
    pub fn list_started(&self) -> Vec<StartedInstance> {
        lock_mutex(&self.driver.started).clone()
    }

    /// Sets the address of containers that start from now on.
    pub fn set_address(&self, address: Ipv4Addr) {
        *lock_mutex(&self.driver.address) = Some(address);
    }

    /// Registers an image with all its layers, without bytes.
    pub fn add_image(&self, image: &ResolvedImage) {
        self.driver.images.put_image(image, self.driver.clock.now());
    }
}

#[async_trait]
impl Runtime for FakeRuntime {
    async fn apply(&self, workload: Workload) -> Result<()> {
        self.engine.apply(workload)
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        self.engine.stop(id, version, grace)
    }

    async fn observe_workloads(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        Ok(self.engine.observe_workloads(after, wait).await)
    }

    async fn acknowledge_workload(&self, id: WorkloadId) -> Result<()> {
        self.engine.acknowledge_workload(id)
    }

    async fn refresh_file(&self, refresh: FileRefresh) -> Result<()> {
        self.engine.refresh_file(&refresh)
    }

    async fn read_logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        Ok(self.driver.find_instance(instance)?.read_log(sequence, wait).await)
    }

    async fn exec(&self, exec: ExecRequest) -> Result<ExecSession> {
        exec.process.check()?;
        let container = self.driver.find_instance(exec.instance)?;
        let tracked = self.engine.find_instance(exec.instance)?;
        if !tracked.phase.is_running() {
            return Err(Error::conflict(
                "not-running",
                format!("container is not running: {}", exec.instance),
            ));
        }
        let Workload { owner, network, .. } = &*tracked.workload;
        let process = exec.process.unseal_variables(&self.driver.keys, *owner, network.name.as_ref())?;
        Ok(fake_instance::exec_script(&container, ExecRequest { process, ..exec }))
    }

    async fn read_usage(&self) -> Result<Vec<Usage>> {
        let all = self.engine.observe_workloads(None, Duration::ZERO).await;
        let running = all.workloads.iter().flat_map(|workload| workload.running_instances());
        let usage = |instance| {
            let disk = self.driver.find_instance(instance).map_or(0, |container| container.disk_usage());
            Usage { instance, memory: 1 << 20, cpu_micros: 1000, processes: 1, disk }
        };
        Ok(running.map(|instance| usage(instance.id)).collect())
    }

    async fn ensure_image(&self, image: &ResolvedImage) -> Result<Vec<LayerDescriptor>> {
        self.driver.images.ensure_image(image, self.driver.clock.now())
    }

    async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        self.driver.images.add_layer(layer, bytes).await
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        let FakeDriver { images, clock, .. } = &*self.driver;
        Ok(self
            .engine
            .with_used_images(|is_used| images.remove_images(keep, is_used, unused_for, clock.now())))
    }

    async fn erase_tool(&self, tool: ToolId) -> Result<()> {
        self.engine.with_idle_tool(tool, || Ok(()))?;
        lock_mutex(&self.driver.homes).remove(&Owner::Tool(tool));
        Ok(())
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        self.driver.keys.sealing_key()
    }

    async fn check_host(&self) -> Result<HostReport> {
        let found = "fake runtime: starts no process".to_owned();
        let check =
            HostCheck { name: "fake".to_owned(), verdict: CheckVerdict::Limited, found, advice: None };
        Ok(HostReport { checks: vec![check] })
    }
}

impl Driver for FakeDriver {
    fn features(&self) -> &[Feature] {
        &[Feature::PreviewOwner, Feature::ImageDelivery, Feature::RefreshedFile]
    }

    fn refresh_files(&self, _: InstanceId, _: &Workload) -> Result<()> {
        Ok(())
    }

    fn check(&self, workload: &Workload) -> Result<()> {
        workload.unseal_variables(&self.keys)?;
        self.images.check_workload(workload, self.clock.now())
    }

    fn start(&self, instance: InstanceId, workload: &Arc<Workload>) {
        let index = {
            let mut started = lock_mutex(&self.started);
            started.push(StartedInstance { instance, outcome: None });
            started.len() - 1
        };
        let started = Arc::clone(&self.started);
        let home = Arc::clone(&self.homes);
        // A value that cannot be opened was refused by `check` when the workload was applied.
        let unsealed = workload.unseal_variables(&self.keys).map_or_else(|_| Arc::clone(workload), Arc::new);
        let container = FakeInstance::new(unsealed, home, Arc::clone(&self.clock));
        lock_mutex(&self.instances).insert(instance, Arc::clone(&container));
        lock_mutex(&self.phases).insert(instance, Phase::Starting);
        let (reports, phases) = (Arc::clone(&self.reports), Arc::clone(&self.phases));
        let address = *lock_mutex(&self.address);
        let mut tasks = lock_mutex(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let report = |phase: Phase| {
                lock_mutex(&phases).insert(instance, phase.clone());
                // The channel is closed once the fake is dropped.
                drop(lock_mutex(&reports).send(PhaseReport { instance, phase }));
            };
            if Script::from_process(&container.workload().process).is_none_or(|script| script.can_start()) {
                report(Phase::Running { since: container.now(), address });
            }
            let outcome = container.run_script().await;
            if let Some(entry) = lock_mutex(&started).get_mut(index) {
                entry.outcome = Some(outcome.clone());
            }
            report(Phase::Ended(outcome));
        });
    }

    fn stop(&self, instance: InstanceId, grace: Duration) {
        if let Ok(container) = self.find_instance(instance) {
            let mut tasks = lock_mutex(&self.tasks);
            tasks.spawn(async move { container.stop(grace).await });
        }
    }

    fn remove(&self, instance: InstanceId) {
        lock_mutex(&self.instances).remove(&instance);
        lock_mutex(&self.phases).remove(&instance);
    }
}

impl FakeDriver {
    fn find_instance(&self, instance: InstanceId) -> Result<Arc<FakeInstance>> {
        let instances = lock_mutex(&self.instances);
        instances.get(&instance).cloned().ok_or_else(|| Error::not_found("instance", instance))
    }
}

/// Locks a mutex and ignores poisoning: each change of the data is a single step, so it is consistent after a
/// panic.
fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
