//! The test harness of a runtime, and helpers for the cases. Helpers wait for conditions, never for fixed
//! times.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use hearth_base::{
    Clock, Cpu, Digest, Entropy, EnvvarName, JobName, Memory, SealContext, Secret, SystemClock, ToolId,
};

use crate::{
    Compression, ContainerOutcome, Cursor, ExecRequest, Feature, ImageReference, ImageSource, InstanceId,
    Isolation, LayerDescriptor, LogPage, Mount, MountSource, Network, Probes, Process, ResolvedImage,
    ResourceLimits, Rollout, RunId, Runtime, SetId, Version, Workload, WorkloadId, WorkloadKind,
    WorkloadState,
    fake::{Script, ScriptStep},
};

/// Maximum wait of a case for one condition.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// A runtime under test.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The runtime.
    fn runtime(&self) -> Arc<dyn Runtime>;
    /// The image, with its layers already added. For real processes it contains `/bin/sh` and the usual
    /// programs.
    fn image(&self) -> ResolvedImage;
    /// The optional features that the runtime supports.
    fn features(&self) -> &[Feature] {
        &[Feature::PreviewOwner, Feature::ImageDelivery, Feature::RefreshedFile]
    }
    /// Builds the process that executes a script.
    fn build_process(&self, script: &Script) -> Process;
    /// Restarts the runtime process. Containers continue to run.
    async fn restart(&self);
    /// Removes everything that the test has created.
    async fn close(self: Box<Self>);
}

/// A harness with helpers for cases.
pub struct Bench {
    harness: Box<dyn Harness>,
    /// The tool that most cases use.
    pub tool: ToolId,
}

impl Bench {
    /// Builds a bench for one case.
    pub fn new(harness: impl Harness + 'static) -> Self {
        Self { harness: Box::new(harness), tool: Self::new_tool() }
    }

    /// Generates the id of a new tool.
    pub fn new_tool() -> ToolId {
        ToolId::new(SystemClock.now(), &Entropy::System)
    }

    /// The runtime under test.
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        self.harness.runtime()
    }

    /// See [`Harness::image`].
    pub fn image(&self) -> ResolvedImage {
        self.harness.image()
    }

    /// True if the runtime under test supports the feature.
    pub fn supports_feature(&self, feature: Feature) -> bool {
        self.harness.features().contains(&feature)
    }

    /// See [`Harness::restart`].
    pub async fn restart(&self) {
        self.harness.restart().await;
    }

    /// See [`Harness::close`].
    pub async fn close(self) {
        self.harness.close().await;
    }

    /// Builds the process of a script.
    pub fn build_process(&self, steps: &[ScriptStep]) -> Process {
        self.harness.build_process(&Script(steps.to_vec()))
    }

    /// Builds a run of the bench's tool.
    pub fn build_run(&self, steps: &[ScriptStep]) -> Workload {
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        self.build_workload(WorkloadKind::Once { run, time_limit: None }, steps)
    }

    /// Builds a set of the bench's tool.
    pub fn build_set(&self, replicas: u16, steps: &[ScriptStep]) -> Workload {
        let set = SetId::new(SystemClock.now(), &Entropy::System);
        self.build_workload(
            WorkloadKind::Keep { set, replicas, rollout: Rollout::default(), first: 1 },
            steps,
        )
    }

    fn build_workload(&self, kind: WorkloadKind, steps: &[ScriptStep]) -> Workload {
        let (image, process) = (self.harness.image(), self.build_process(steps));
        Workload { process, ..Self::build_bare_workload(self.tool, kind, &image) }
    }

    /// Builds an image of one layer, for a runtime that reads no layers.
    pub fn build_bare_image() -> ResolvedImage {
        let digest = Digest::new([7; 32]);
        let reference = ImageReference::new("example/base", digest).expect("a reference");
        let layer = LayerDescriptor { digest, size: 7, compression: Compression::None, diff_id: None };
        ResolvedImage { reference, layers: vec![layer] }
    }

    /// Builds a small workload of a tool.
    pub fn build_bare_workload(tool: ToolId, kind: WorkloadKind, image: &ResolvedImage) -> Workload {
        Workload {
            owner: tool.into(),
            version: Version { epoch: 1, generation: 1 },
            kind,
            isolation: Isolation::Tool,
            image: image.reference.clone(),
            image_source: ImageSource::Delivered,
            read_only: false,
            process: Script(vec![ScriptStep::Forever]).to_process(),
            limits: ResourceLimits {
                memory: Memory::from_mib(64),
                cpu: Cpu::from_milli(1000),
                processes: 32,
                disk: Memory::from_mib(64),
            },
            network: Network::default(),
            mounts: vec![Mount { source: MountSource::Home, at: "/home".to_owned(), read_only: false }],
            files: Vec::new(),
            grace: Duration::from_secs(20),
            restart: 0,
            probes: Probes::default(),
        }
    }

    /// Adds the sealed variable `API_KEY` to a process of the bench's tool.
    pub async fn seal_variable(&self, process: &mut Process, job: Option<&JobName>, value: &str) {
        let key = self.runtime().sealing_key().await.expect("a key");
        let name: EnvvarName = "API_KEY".parse().expect("a name");
        let context = SealContext { tool: self.tool, name: &name, job };
        let sealed = key.seal_value(context, &Secret::new(value)).expect("a sealed value");
        process.sealed.insert(name, sealed);
    }

    /// Waits until a workload's state satisfies `wanted`.
    pub async fn wait_for_state(
        &self,
        id: WorkloadId,
        wanted: impl Fn(&WorkloadState) -> bool,
    ) -> WorkloadState {
        let mut last = None;
        let mut cursor: Option<Cursor> = None;
        let waiting = async {
            loop {
                let seen =
                    self.runtime().observe_workloads(cursor, Duration::from_secs(5)).await.expect("observe");
                cursor = Some(seen.cursor);
                if let Some(state) = seen.workloads.into_iter().find(|state| state.id == id) {
                    if wanted(&state) {
                        return state;
                    }
                    assert!(!state.done, "{id} has ended in an unexpected state: {state:#?}");
                    last = Some(state);
                }
            }
        };
        let Ok(state) = tokio::time::timeout(WAIT_TIMEOUT, waiting).await else {
            panic!("{id} did not reach the wanted state; last state: {last:#?}")
        };
        state
    }

    /// Waits until a condition holds.
    pub async fn wait_until<F: Future<Output = bool>>(&self, condition: &str, holds: impl Fn() -> F) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(
            tokio::time::timeout(WAIT_TIMEOUT, waiting).await.is_ok(),
            "condition never held: {condition}"
        );
    }

    /// Applies a workload.
    pub async fn apply(&self, workload: &Workload) -> WorkloadId {
        self.runtime().apply(workload.clone()).await.expect("apply");
        workload.id()
    }

    /// Applies a workload and waits until `count` of its containers run. Returns their ids.
    pub async fn start_instances(&self, workload: &Workload, count: usize) -> Vec<InstanceId> {
        let id = self.apply(workload).await;
        let state = self.wait_for_state(id, |state| state.running_instances().count() == count).await;
        state.running_instances().map(|instance| instance.id).collect()
    }

    /// Applies a run and waits for its end.
    pub async fn run_to_end(&self, workload: &Workload) -> ContainerOutcome {
        let id = self.apply(workload).await;
        self.wait_for_end(id).await
    }

    /// Waits for the end of a run.
    pub async fn wait_for_end(&self, id: WorkloadId) -> ContainerOutcome {
        let state = self.wait_for_state(id, |state| state.done).await;
        state.outcome().expect("an ended run has an outcome").clone()
    }

    /// Applies a run, waits for its end, and returns the lines of its log.
    pub async fn run_for_lines(&self, workload: &Workload) -> Vec<String> {
        let outcome = self.run_to_end(workload).await;
        let WorkloadKind::Once { run, .. } = workload.kind else { panic!("the workload is not a run") };
        let page = self.read_log(InstanceId::from_run(run), 1).await;
        assert!(page.complete, "{outcome:?}: {page:?}");
        page.lines.into_iter().map(|line| line.text).collect()
    }

    /// Reads an instance's log from `sequence` on, without waiting.
    pub async fn read_log(&self, instance: InstanceId, sequence: u64) -> LogPage {
        self.runtime().read_logs(instance, sequence, Duration::ZERO).await.expect("logs")
    }

    /// Runs an additional program in an instance, without input. Returns its output.
    pub async fn run_steps_in(&self, instance: InstanceId, steps: &[ScriptStep]) -> String {
        self.run_process(instance, self.build_process(steps)).await
    }

    /// Runs an additional process in an instance, without input. Returns its output.
    pub async fn run_process(&self, instance: InstanceId, process: Process) -> String {
        let exec = ExecRequest { instance, process, terminal: None };
        let session = self.runtime().exec(exec).await.expect("exec");
        let finished = tokio::time::timeout(WAIT_TIMEOUT, session.collect_output()).await;
        let (out, err, end) = finished.expect("the program ends");
        assert_eq!(end, crate::Termination::Exited { code: 0 }, "{}", String::from_utf8_lossy(&err));
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }
}
