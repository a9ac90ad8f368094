//! Runtime whose steps run scripts of the test.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Digest, Result, SealingKey, SystemClock, ToolId};
use hearth_runtime_api::{
    ByteStream, Compression, Cursor, ExecRequest, ExecSession, HostReport, InstanceId, LayerDescriptor,
    LogPage, Observation, ResolvedImage, Runtime, Usage, Version, Workload, WorkloadId,
    engine::RestartBackoff,
    fake::{FakeRuntime, Script, ScriptStep},
};

use crate::fixture::IMAGE_DIGEST;

/// The fake, with each step's program replaced by a script.
pub struct ScriptedRuntime {
    fake: Arc<FakeRuntime>,
    scripts: Mutex<BTreeMap<&'static str, Vec<ScriptStep>>>,
    pub started: Mutex<Vec<Workload>>,
    pub acknowledged: Mutex<Vec<WorkloadId>>,
    /// Digests of ensured images.
    pub ensured: Mutex<Vec<Digest>>,
}

impl ScriptedRuntime {
    pub fn new() -> Arc<Self> {
        let fake = FakeRuntime::new(Arc::new(SystemClock), RestartBackoff::default());
        fake.add_image(&builder_image());
        Arc::new(Self {
            fake,
            scripts: Mutex::default(),
            started: Mutex::default(),
            acknowledged: Mutex::default(),
            ensured: Mutex::default(),
        })
    }

    /// Sets the script that a step runs once it has received its input.
    pub fn set_script(&self, step: &'static str, steps: Vec<ScriptStep>) {
        self.scripts.lock().unwrap().insert(step, steps);
    }

    /// Lists the started steps, once per start.
    pub fn list_started_steps(&self) -> Vec<&'static str> {
        self.started.lock().unwrap().iter().map(find_step).collect()
    }

    /// Lets a run continue that waits for `word`.
    pub async fn release_runs(&self, run: WorkloadId, word: &str) -> Result<()> {
        let WorkloadId::Run(run) = run else { unreachable!() };
        let process = Script(vec![ScriptStep::Open(word.to_owned())]).to_process();
        let exec = ExecRequest { instance: InstanceId::from_run(run), process, terminal: None };
        let mut session = self.fake.exec(exec).await?;
        while session.output.recv().await.is_some() {}
        Ok(())
    }

    /// Finds the last workload of a step.
    pub fn find_workload(&self, wanted: &str) -> Workload {
        self.started.lock().unwrap().iter().rfind(|workload| find_step(workload) == wanted).unwrap().clone()
    }
}

/// Image that the fake `images` resolves.
fn builder_image() -> ResolvedImage {
    let layer = LayerDescriptor {
        digest: Digest::new([7; 32]),
        size: 1,
        compression: Compression::None,
        diff_id: Some(Digest::new([7; 32])),
    };
    ResolvedImage {
        reference: format!("hearth.example/hearth/builder@{IMAGE_DIGEST}").parse().unwrap(),
        layers: vec![layer],
    }
}

/// Returns the step of a workload.
fn find_step(workload: &Workload) -> &'static str {
    let script = &workload.process.argv[2];
    match () {
        () if script.contains("git fetch") => "fetch",
        () if script.contains("buildah push") => "push",
        () => "image",
    }
}

#[async_trait]
impl Runtime for ScriptedRuntime {
    async fn apply(&self, mut workload: Workload) -> Result<()> {
        self.started.lock().unwrap().push(workload.clone());
        let steps = self.scripts.lock().unwrap().get(find_step(&workload)).cloned().unwrap_or_default();
        // A step that cannot be started waits for nothing.
        let waits = (!steps.contains(&ScriptStep::Missing)).then(|| ScriptStep::Await("go".to_owned()));
        workload.process = Script(waits.into_iter().chain(steps).collect()).to_process();
        self.fake.apply(workload).await
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        // A waiting script ignores the signal, and is killed.
        self.fake.stop(id, version, grace.min(Duration::from_millis(10))).await
    }

    async fn observe_workloads(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        self.fake.observe_workloads(after, wait).await
    }

    async fn acknowledge_workload(&self, id: WorkloadId) -> Result<()> {
        self.acknowledged.lock().unwrap().push(id);
        self.fake.acknowledge_workload(id).await
    }

    async fn read_logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        self.fake.read_logs(instance, sequence, wait).await
    }

    async fn exec(&self, mut exec: ExecRequest) -> Result<ExecSession> {
        // The process that supplies files lets the run continue; the one that unpacks an upload does not.
        let lets_run_continue = exec.process.argv[2].contains("echo go");
        let release_step = lets_run_continue.then(|| ScriptStep::Open("go".to_owned()));
        exec.process = Script(release_step.into_iter().collect()).to_process();
        self.fake.exec(exec).await
    }

    async fn read_usage(&self) -> Result<Vec<Usage>> {
        self.fake.read_usage().await
    }

    async fn ensure_image(&self, image: &ResolvedImage) -> Result<Vec<LayerDescriptor>> {
        self.ensured.lock().unwrap().push(image.reference.digest());
        self.fake.ensure_image(image).await
    }

    async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        self.fake.add_layer(layer, bytes).await
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        self.fake.remove_images(keep, unused_for).await
    }

    async fn erase_tool(&self, tool: ToolId) -> Result<()> {
        self.fake.erase_tool(tool).await
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        self.fake.sealing_key().await
    }

    async fn check_host(&self) -> Result<HostReport> {
        self.fake.check_host().await
    }
}
