//! A runtime that plays runs as a test says: what each step writes, and how it ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Digest, Result, SealingKey, SystemClock, ToolId};
use hearth_runtime_api::{
    Bytes, Compression, Cursor, Exec, ExecSession, Image, InstanceId, LayerDescriptor, LogPage, Observation,
    Report, Runtime, Usage, Version, Workload, WorkloadId,
    engine::Pauses,
    fake::{Fake, Script, Step},
};

use crate::play::DIGEST;

/// The fake, with each step's program replaced by a script.
pub struct Played {
    fake: Arc<Fake>,
    scripts: Mutex<BTreeMap<&'static str, Vec<Step>>>,
    pub started: Mutex<Vec<Workload>>,
    pub acknowledged: Mutex<Vec<WorkloadId>>,
}

impl Played {
    pub fn new() -> Arc<Self> {
        let fake = Fake::new(Arc::new(SystemClock), Pauses::default());
        fake.has_image(&builder_image());
        Arc::new(Self {
            fake,
            scripts: Mutex::default(),
            started: Mutex::default(),
            acknowledged: Mutex::default(),
        })
    }

    /// What a step does once it has been given what it waits for.
    pub fn script(&self, step: &'static str, steps: Vec<Step>) {
        self.scripts.lock().unwrap().insert(step, steps);
    }

    /// The steps that were started, each as often as it was.
    pub fn steps(&self) -> Vec<&'static str> {
        self.started.lock().unwrap().iter().map(step).collect()
    }

    /// Lets a run go on that waits for this word.
    pub async fn open(&self, run: WorkloadId, word: &str) -> Result<()> {
        let WorkloadId::Run(run) = run else { unreachable!() };
        let process = Script(vec![Step::Open(word.to_owned())]).process();
        let exec = Exec { instance: InstanceId::of_run(run), process, terminal: None };
        let mut session = self.fake.exec(exec).await?;
        while session.output.recv().await.is_some() {}
        Ok(())
    }

    /// The last workload of a step.
    pub fn of(&self, wanted: &str) -> Workload {
        self.started.lock().unwrap().iter().rfind(|workload| step(workload) == wanted).unwrap().clone()
    }
}

/// The image that the played `images` resolves.
fn builder_image() -> Image {
    let layer = LayerDescriptor {
        digest: Digest::new([7; 32]),
        size: 1,
        compression: Compression::None,
        diff_id: Some(Digest::new([7; 32])),
    };
    Image {
        reference: format!("hearth.example/hearth/builder@{DIGEST}").parse().unwrap(),
        layers: vec![layer],
    }
}

/// Which step a workload is for.
fn step(workload: &Workload) -> &'static str {
    let script = &workload.process.argv[2];
    match () {
        () if script.contains("git fetch") => "fetch",
        () if script.contains("buildah push") => "push",
        () => "image",
    }
}

#[async_trait]
impl Runtime for Played {
    async fn apply(&self, mut workload: Workload) -> Result<()> {
        self.started.lock().unwrap().push(workload.clone());
        let steps = self.scripts.lock().unwrap().get(step(&workload)).cloned().unwrap_or_default();
        // What cannot be started waits for nothing.
        let waits = (!steps.contains(&Step::Missing)).then(|| Step::Await("go".to_owned()));
        workload.process = Script(waits.into_iter().chain(steps).collect()).process();
        self.fake.apply(workload).await
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        // A script that waits does not listen: it is killed.
        self.fake.stop(id, version, grace.min(Duration::from_millis(10))).await
    }

    async fn observe(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        self.fake.observe(after, wait).await
    }

    async fn acknowledge(&self, id: WorkloadId) -> Result<()> {
        self.acknowledged.lock().unwrap().push(id);
        self.fake.acknowledge(id).await
    }

    async fn logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        self.fake.logs(instance, sequence, wait).await
    }

    async fn exec(&self, mut exec: Exec) -> Result<ExecSession> {
        // What puts files in lets the run go on; what only unpacks does not.
        let goes_on = exec.process.argv[2].contains("echo go");
        let go = goes_on.then(|| Step::Open("go".to_owned()));
        exec.process = Script(go.into_iter().collect()).process();
        self.fake.exec(exec).await
    }

    async fn usage(&self) -> Result<Vec<Usage>> {
        self.fake.usage().await
    }

    async fn ensure_image(&self, image: &Image) -> Result<Vec<LayerDescriptor>> {
        self.fake.ensure_image(image).await
    }

    async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()> {
        self.fake.add_layer(layer, bytes).await
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        self.fake.remove_images(keep, unused_for).await
    }

    async fn erase(&self, tool: ToolId) -> Result<()> {
        self.fake.erase(tool).await
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        self.fake.sealing_key().await
    }

    async fn doctor(&self) -> Result<Report> {
        self.fake.doctor().await
    }
}
