//! A runtime that starts nothing: programs are scripts, played in memory. For the tests of everything above.
//!
//! A process whose `argv` is not a [`Script`] runs until it is stopped, or until the test ends it.

mod images;
mod journal;
mod play;
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
    Bytes, Check, Cursor, End, Exec, ExecSession, Feature, Image, InstanceId, LayerDescriptor, LogPage,
    Observation, Outcome, Owner, Phase, Report, Runtime, Usage, Verdict, Version, Workload, WorkloadId,
    engine::{Driver, Engine, Pauses, Prober, Report as Reported},
};

pub use script::{Script, Step};

use images::Images;
use journal::MemoryJournal;
use play::Stage;

/// See the module.
pub struct Fake {
    engine: Arc<Engine>,
    driver: Arc<Players>,
    journal: Arc<MemoryJournal>,
    pauses: Pauses,
    running: Mutex<JoinSet<()>>,
}

/// Plays the scripts of all instances.
struct Players {
    clock: Arc<dyn Clock>,
    /// To the engine of this life.
    reports: Arc<Mutex<mpsc::UnboundedSender<Reported>>>,
    /// The last report of each instance.
    phases: Arc<Mutex<BTreeMap<InstanceId, Phase>>>,
    stages: Mutex<BTreeMap<InstanceId, Arc<Stage>>>,
    images: Images,
    keys: OpeningKeys,
    homes: Arc<Mutex<BTreeMap<Owner, String>>>,
    address: Mutex<Option<Ipv4Addr>>,
    played: Arc<Mutex<Vec<Played>>>,
    tasks: Mutex<JoinSet<()>>,
}

/// A container that was started: what happened, whatever is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Which one.
    pub instance: InstanceId,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

impl Fake {
    /// A fake with nothing in it. Must be called within a tokio runtime.
    pub fn new(clock: Arc<dyn Clock>, pauses: Pauses) -> Arc<Self> {
        // The first life's engine replaces it.
        let (reports, _) = mpsc::unbounded_channel();
        let driver = Arc::new(Players {
            clock,
            reports: Arc::new(Mutex::new(reports)),
            phases: Arc::default(),
            stages: Mutex::default(),
            images: Images::default(),
            // Without a key nothing opens, and nothing can be sealed.
            keys: OpeningKeys::generate().unwrap_or_default(),
            homes: Arc::default(),
            address: Mutex::default(),
            played: Arc::default(),
            tasks: Mutex::default(),
        });
        Self::begin_life(driver, Arc::default(), pauses)
    }

    /// Ends this life of the runtime's process and begins the next, which knows what is kept on a disk. Containers go
    /// on.
    pub fn begin_next_life(&self) -> Arc<Self> {
        locked(&self.running).abort_all();
        Self::begin_life(Arc::clone(&self.driver), Arc::clone(&self.journal), self.pauses)
    }

    fn begin_life(driver: Arc<Players>, journal: Arc<MemoryJournal>, pauses: Pauses) -> Arc<Self> {
        let (reports, reported) = mpsc::unbounded_channel();
        *locked(&driver.reports) = reports;
        let known = journal.known(&locked(&driver.phases));
        let engine = Arc::new(Engine::new(
            Arc::clone(&driver) as Arc<dyn Driver>,
            Arc::clone(&driver) as Arc<dyn Prober>,
            Arc::clone(&journal) as Arc<dyn crate::engine::Journal>,
            Arc::clone(&driver.clock),
            pauses,
            known,
        ));
        let mut tasks = JoinSet::new();
        let running = Arc::clone(&engine);
        tasks.spawn(async move { running.run(reported).await });
        Arc::new(Self { engine, driver, journal, pauses, running: Mutex::new(tasks) })
    }

    /// Ends a running instance as the test wishes.
    pub fn end(&self, instance: InstanceId, end: End) -> Result<()> {
        self.driver.stage(instance)?.end(end);
        Ok(())
    }

    /// Makes a running instance write a line.
    pub fn print(&self, instance: InstanceId, text: &str) -> Result<()> {
        self.driver.stage(instance)?.write(crate::Stream::Out, text);
        Ok(())
    }

    /// What an instance was started for.
    pub fn workload(&self, instance: InstanceId) -> Result<Workload> {
        Ok(self.driver.stage(instance)?.workload().clone())
    }

    /// Every container that was ever started, in order; one that was started twice is there twice.
    pub fn played(&self) -> Vec<Played> {
        locked(&self.driver.played).clone()
    }

    /// Says where containers that start from now on are reached.
    pub fn reached_at(&self, address: Ipv4Addr) {
        *locked(&self.driver.address) = Some(address);
    }

    /// Says that an image is there with all its layers, without bytes.
    pub fn has_image(&self, image: &Image) {
        self.driver.images.put_image(image, self.driver.clock.now());
    }
}

#[async_trait]
impl Runtime for Fake {
    async fn apply(&self, workload: Workload) -> Result<()> {
        self.engine.apply(workload)
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        self.engine.stop(id, version, grace)
    }

    async fn observe(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        Ok(self.engine.observe(after, wait).await)
    }

    async fn acknowledge(&self, id: WorkloadId) -> Result<()> {
        self.engine.acknowledge(id)
    }

    async fn logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        Ok(self.driver.stage(instance)?.log(sequence, wait).await)
    }

    async fn exec(&self, exec: Exec) -> Result<ExecSession> {
        exec.process.check()?;
        let stage = self.driver.stage(exec.instance)?;
        let tracked = self.engine.instance(exec.instance)?;
        if !tracked.phase.is_running() {
            return Err(Error::conflict("not-running", format!("{} does not run", exec.instance)));
        }
        let Workload { owner, network, .. } = &*tracked.workload;
        let process = exec.process.opened(&self.driver.keys, *owner, network.name.as_ref())?;
        Ok(play::exec(&stage, Exec { process, ..exec }))
    }

    async fn usage(&self) -> Result<Vec<Usage>> {
        let all = self.engine.observe(None, Duration::ZERO).await;
        let running = all.workloads.iter().flat_map(|workload| workload.running());
        let usage = |instance| {
            let disk = self.driver.stage(instance).map_or(0, |stage| stage.written());
            Usage { instance, memory: 1 << 20, cpu_micros: 1000, processes: 1, disk }
        };
        Ok(running.map(|instance| usage(instance.id)).collect())
    }

    async fn ensure_image(&self, image: &Image) -> Result<Vec<LayerDescriptor>> {
        self.driver.images.ensure_image(image, self.driver.clock.now())
    }

    async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()> {
        self.driver.images.add_layer(layer, bytes).await
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        let Players { images, clock, .. } = &*self.driver;
        Ok(self
            .engine
            .without_new_workloads(|is_used| images.remove_images(keep, is_used, unused_for, clock.now())))
    }

    async fn erase(&self, tool: ToolId) -> Result<()> {
        self.engine.must_be_idle(tool)?;
        locked(&self.driver.homes).remove(&Owner::Tool(tool));
        Ok(())
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        self.driver.keys.sealing()
    }

    async fn doctor(&self) -> Result<Report> {
        let found = "nothing is started: this is a fake".to_owned();
        let check = Check { name: "fake".to_owned(), verdict: Verdict::Limited, found, advice: None };
        Ok(Report { checks: vec![check] })
    }
}

impl Driver for Players {
    fn features(&self) -> &[Feature] {
        &[Feature::ImageDelivery]
    }

    fn check(&self, workload: &Workload) -> Result<()> {
        workload.opened(&self.keys)?;
        self.images.check_workload(workload, self.clock.now())
    }

    fn start(&self, instance: InstanceId, workload: &Arc<Workload>) {
        let place = {
            let mut played = locked(&self.played);
            played.push(Played { instance, outcome: None });
            played.len() - 1
        };
        let all = Arc::clone(&self.played);
        let home = Arc::clone(&self.homes);
        // What does not open was refused when it was applied.
        let opened = workload.opened(&self.keys).map_or_else(|_| Arc::clone(workload), Arc::new);
        let stage = Stage::new(opened, home, Arc::clone(&self.clock));
        locked(&self.stages).insert(instance, Arc::clone(&stage));
        locked(&self.phases).insert(instance, Phase::Starting);
        let (reports, phases) = (Arc::clone(&self.reports), Arc::clone(&self.phases));
        let address = *locked(&self.address);
        let mut tasks = locked(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let report = |phase: Phase| {
                locked(&phases).insert(instance, phase.clone());
                // Nobody listens once the fake is gone.
                drop(locked(&reports).send(Reported { instance, phase }));
            };
            if Script::of(&stage.workload().process).is_none_or(|script| script.starts()) {
                report(Phase::Running { since: stage.now(), address });
            }
            let outcome = stage.play().await;
            if let Some(played) = locked(&all).get_mut(place) {
                played.outcome = Some(outcome.clone());
            }
            report(Phase::Ended(outcome));
        });
    }

    fn stop(&self, instance: InstanceId, grace: Duration) {
        if let Ok(stage) = self.stage(instance) {
            let mut tasks = locked(&self.tasks);
            tasks.spawn(async move { stage.stop(grace).await });
        }
    }

    fn remove(&self, instance: InstanceId) {
        locked(&self.stages).remove(&instance);
        locked(&self.phases).remove(&instance);
    }
}

impl Players {
    fn stage(&self, instance: InstanceId) -> Result<Arc<Stage>> {
        let stages = locked(&self.stages);
        stages.get(&instance).cloned().ok_or_else(|| Error::not_found("instance", instance))
    }
}

/// A lock whose holder panicked is still a lock on good data here: every change is one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
