//! What a runtime brings to the suite, and what the cases do with it. Everything waits for a condition.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use hearth_base::{
    Clock, Cpu, Digest, Entropy, EnvvarName, JobName, Memory, SealedFor, Secret, SystemClock, ToolId,
};

use crate::{
    Compression, Cursor, Exec, Feature, Image, ImageReference, ImageSource, InstanceId, Isolation,
    LayerDescriptor, Limits, LogPage, Mount, MountSource, Network, Outcome, Probes, Process, Rollout, RunId,
    Runtime, SetId, Version, Workload, WorkloadId, WorkloadKind, WorkloadState,
    fake::{Script, Step},
};

/// The longest that a case waits for one condition.
const PATIENCE: Duration = Duration::from_secs(60);

/// One runtime, ready to be tested.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The runtime.
    fn runtime(&self) -> Arc<dyn Runtime>;
    /// The image, with its layers already added. With `/bin/sh` and the usual programs, when processes are real.
    fn image(&self) -> Image;
    /// The features that the runtime executes.
    fn features(&self) -> &[Feature] {
        &[Feature::ImageDelivery]
    }
    /// The process that does what a script says.
    fn process(&self, script: &Script) -> Process;
    /// Ends the runtime's process and starts the next; containers go on.
    async fn restart(&self);
    /// Removes all that the test has made.
    async fn close(self: Box<Self>);
}

/// A harness with the words that cases are written in.
pub struct Bench {
    harness: Box<dyn Harness>,
    /// The tool that most cases use.
    pub tool: ToolId,
}

impl Bench {
    /// A bench for one case.
    pub fn new(harness: impl Harness + 'static) -> Self {
        Self { harness: Box::new(harness), tool: Self::new_tool() }
    }

    /// Another tool.
    pub fn new_tool() -> ToolId {
        ToolId::new(SystemClock.now(), &Entropy::System)
    }

    /// The runtime under test.
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        self.harness.runtime()
    }

    /// See [`Harness::image`].
    pub fn image(&self) -> Image {
        self.harness.image()
    }

    /// Whether the runtime under test executes this.
    pub fn supports(&self, feature: Feature) -> bool {
        self.harness.features().contains(&feature)
    }

    /// See [`Harness::restart`].
    pub async fn restart(&self) {
        self.harness.restart().await;
    }

    /// Cleans up.
    pub async fn close(self) {
        self.harness.close().await;
    }

    /// The process of a script.
    pub fn process(&self, steps: &[Step]) -> Process {
        self.harness.process(&Script(steps.to_vec()))
    }

    /// A workload of the bench's tool that runs once.
    pub fn once(&self, steps: &[Step]) -> Workload {
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        self.workload(WorkloadKind::Once { run, time_limit: None }, steps)
    }

    /// A workload of the bench's tool that is kept alive.
    pub fn keep(&self, replicas: u16, steps: &[Step]) -> Workload {
        let set = SetId::new(SystemClock.now(), &Entropy::System);
        self.workload(WorkloadKind::Keep { set, replicas, rollout: Rollout::default(), first: 1 }, steps)
    }

    fn workload(&self, kind: WorkloadKind, steps: &[Step]) -> Workload {
        let (image, process) = (self.harness.image(), self.process(steps));
        Workload { process, ..Self::bare_workload(self.tool, kind, &image) }
    }

    /// An image of one layer, for a runtime that reads none.
    pub fn bare_image() -> Image {
        let digest = Digest::new([7; 32]);
        let reference = ImageReference::new("example/base", digest).expect("a reference");
        let layer = LayerDescriptor { digest, size: 7, compression: Compression::None, diff_id: None };
        Image { reference, layers: vec![layer] }
    }

    /// A small workload of a tool, with an image.
    pub fn bare_workload(tool: ToolId, kind: WorkloadKind, image: &Image) -> Workload {
        Workload {
            owner: tool.into(),
            version: Version { epoch: 1, generation: 1 },
            kind,
            isolation: Isolation::Tool,
            image: image.reference.clone(),
            image_source: ImageSource::Delivered,
            read_only: false,
            process: Script(vec![Step::Forever]).process(),
            limits: Limits {
                memory: Memory::mib(64),
                cpu: Cpu::milli(1000),
                processes: 32,
                disk: Memory::mib(64),
            },
            network: Network::default(),
            mounts: vec![Mount { source: MountSource::Home, at: "/home".to_owned(), read_only: false }],
            files: Vec::new(),
            grace: Duration::from_secs(20),
            restart: 0,
            probes: Probes::default(),
        }
    }

    /// Gives a process of the bench's tool the sealed variable `API_KEY`.
    pub async fn seal(&self, process: &mut Process, job: Option<&JobName>, value: &str) {
        let key = self.runtime().sealing_key().await.expect("a key");
        let name: EnvvarName = "API_KEY".parse().expect("a name");
        let place = SealedFor { tool: self.tool, name: &name, job };
        let sealed = key.seal(place, &Secret::new(value)).expect("a sealed value");
        process.sealed.insert(name, sealed);
    }

    /// Waits until a workload's state is as `wanted`.
    pub async fn until(&self, id: WorkloadId, wanted: impl Fn(&WorkloadState) -> bool) -> WorkloadState {
        let mut last = None;
        let mut cursor: Option<Cursor> = None;
        let waiting = async {
            loop {
                let seen = self.runtime().observe(cursor, Duration::from_secs(5)).await.expect("observe");
                cursor = Some(seen.cursor);
                if let Some(state) = seen.workloads.into_iter().find(|state| state.id == id) {
                    if wanted(&state) {
                        return state;
                    }
                    assert!(!state.done, "{id} is over and not as wanted: {state:#?}");
                    last = Some(state);
                }
            }
        };
        let Ok(state) = tokio::time::timeout(PATIENCE, waiting).await else {
            panic!("{id} never came to be as wanted; last seen: {last:#?}")
        };
        state
    }

    /// Waits until something is so.
    pub async fn eventually<F: Future<Output = bool>>(&self, what: &str, so: impl Fn() -> F) {
        let waiting = async {
            while !so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
    }

    /// Applies a workload.
    pub async fn apply(&self, workload: &Workload) -> WorkloadId {
        self.runtime().apply(workload.clone()).await.expect("apply");
        workload.id()
    }

    /// Applies a workload and waits until `count` of its containers run; these are they.
    pub async fn running(&self, workload: &Workload, count: usize) -> Vec<InstanceId> {
        let id = self.apply(workload).await;
        let state = self.until(id, |state| state.running().count() == count).await;
        state.running().map(|instance| instance.id).collect()
    }

    /// Applies a run and waits until it is over.
    pub async fn outcome(&self, workload: &Workload) -> Outcome {
        let id = self.apply(workload).await;
        self.ended(id).await
    }

    /// Waits until a run is over.
    pub async fn ended(&self, id: WorkloadId) -> Outcome {
        let state = self.until(id, |state| state.done).await;
        state.outcome().expect("a run that is over has an outcome").clone()
    }

    /// The lines of a run, once it is over.
    pub async fn lines(&self, workload: &Workload) -> Vec<String> {
        let outcome = self.outcome(workload).await;
        let WorkloadKind::Once { run, .. } = workload.kind else { panic!("a set has no last line") };
        let page = self.log(InstanceId::of_run(run), 1).await;
        assert!(page.complete, "{outcome:?}: {page:?}");
        page.lines.into_iter().map(|line| line.text).collect()
    }

    /// An instance's log, as far as it is.
    pub async fn log(&self, instance: InstanceId, sequence: u64) -> LogPage {
        self.runtime().logs(instance, sequence, Duration::ZERO).await.expect("logs")
    }

    /// Runs a second program in an instance, without input.
    pub async fn run_in(&self, instance: InstanceId, steps: &[Step]) -> String {
        self.run_process(instance, self.process(steps)).await
    }

    /// The same with a process that is more than steps.
    pub async fn run_process(&self, instance: InstanceId, process: Process) -> String {
        let exec = Exec { instance, process, terminal: None };
        let session = self.runtime().exec(exec).await.expect("exec");
        let finished = tokio::time::timeout(PATIENCE, session.finish()).await;
        let (out, err, end) = finished.expect("a second program ends");
        assert_eq!(end, crate::End::Exited { code: 0 }, "{}", String::from_utf8_lossy(&err));
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }
}
