//! The service, its workers, a runtime behind a socket, and those who call.

use std::{future::Future, net::Ipv4Addr, sync::Arc, time::Duration};

use hearth_base::{Access, Entropy, JobName, Result, Role, SystemClock, ToolId, ToolName};
use hearth_client::Client;
use hearth_jobs::JobsSettings;
use hearth_kit::{Kit, Mounted, config::Config, db::Db};
use hearth_runtime_api::{
    End, InstanceId, Runtime, WorkloadId, WorkloadState,
    engine::Pauses,
    fake::Fake,
    wire::{Callers, Socket, serve},
};
use hearth_testkit::{
    Stand, answer_to,
    neighbours::{Ears, play},
    until,
};
use hearth_wire::{
    jobs::{Job, JobCreate, JobsQuery, Run, RunState, StatusShort},
    reply::Paging,
    tools::Quota,
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::UnixListener, task::JoinSet};

/// A runtime that starts nothing, served at a socket.
pub struct Served {
    folder: TempDir,
    pub fake: Arc<Fake>,
    server: JoinSet<()>,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut served = Self { folder, fake: fake(), server: JoinSet::new() };
        served.listen();
        served
    }

    fn listen(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let path = self.folder.path().join("socket");
        let _there_may_be_an_old_one = std::fs::remove_file(&path);
        let uids = vec![std::fs::metadata("/proc/self").unwrap().uid()];
        let listener = UnixListener::bind(path).unwrap();
        self.server.spawn(serve(listener, Callers { uids }, Arc::clone(&self.fake) as Arc<dyn Runtime>));
    }

    /// Its process ends; containers go on.
    pub async fn stop(&mut self) {
        self.server.shutdown().await;
    }

    /// Its process comes back.
    pub fn restart(&mut self) {
        self.listen();
    }

    /// It comes back on another machine: nothing of before is there.
    pub fn replace(&mut self) {
        self.fake = fake();
        self.listen();
    }

    fn mount(&self) -> impl FnOnce(&Kit) -> Result<Mounted> + use<> {
        let socket = self.folder.path().join("socket");
        move |kit| hearth_jobs::mount_on(kit, Arc::new(Socket::at(socket)))
    }
}

fn fake() -> Arc<Fake> {
    let pauses = Pauses { first: Duration::from_millis(20), ..Pauses::default() };
    let fake = Fake::new(Arc::new(SystemClock), pauses);
    fake.reached_at(Ipv4Addr::LOCALHOST);
    fake
}

/// The service, a tool, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub runtime: Served,
    pub ears: Ears,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub edge: Client,
}

impl Stage {
    /// Everything, with workers.
    pub async fn new(db: Db) -> Result<Self> {
        Self::with(db, |_| ()).await
    }

    /// The same with other settings.
    pub async fn with(db: Db, set: impl FnOnce(&mut Config)) -> Result<Self> {
        let runtime = Served::new();
        let mut config = Config::default();
        config.change(|jobs: &mut JobsSettings| jobs.retry_pause = 0);
        set(&mut config);
        let quota = Quota { continuous_jobs: 2, ..Quota::default() };
        let stand = Stand::of(Role::Jobs, db, runtime.mount(), config, quota).await?;
        let (id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
        let ears = Ears::default();
        play(&stand, &ears);
        let mut stage = Self {
            maintainer: stand.member(id, &tool, Access::Write)?,
            viewer: stand.member(id, &tool, Access::Read)?,
            edge: stand.service(Role::Edge)?,
            stand,
            runtime,
            ears,
            id,
            tool,
        };
        stage.stand.start_workers();
        Ok(stage)
    }

    /// The service's process ends.
    pub async fn stop(&mut self) {
        assert!(self.stand.stop_workers().await, "workers end when they are told to");
    }

    /// The service's process is killed, in the middle of whatever it is at.
    pub async fn kill(&mut self) {
        assert!(self.stand.kill_workers().await, "workers end when they are killed");
    }

    /// Another begins.
    pub async fn start(&mut self) -> Result<()> {
        self.stand.mount(self.runtime.mount()).await?;
        self.maintainer = self.stand.member(self.id, &self.tool, Access::Write)?;
        self.stand.start_workers();
        Ok(())
    }

    /// A call by the maintainer with any document.
    pub async fn send(&self, method: Method, path: &str, content: Option<Value>) -> (StatusCode, Value) {
        let path = format!("/jobs/v1/tool/hello{path}");
        answer_to(&self.maintainer, method, &path, content.as_ref()).await.unwrap()
    }

    pub async fn create(&self, job: &JobCreate) -> Result<Job> {
        self.maintainer.jobs().create(&self.tool, job).await
    }

    pub async fn job(&self, name: &str) -> Result<Job> {
        self.maintainer.jobs().show(&self.tool, &job_name(name), &JobsQuery::default()).await
    }

    pub async fn runs(&self, name: &str) -> Result<Vec<Run>> {
        let runs = self.maintainer.jobs().runs(&self.tool, &job_name(name), &Paging::default()).await?;
        Ok(runs.runs)
    }

    /// Waits until a job is as wanted.
    pub async fn until(&self, name: &str, wanted: impl Fn(&Job) -> bool) -> Result<Job> {
        until("the job is as wanted", async || Ok(Some(self.job(name).await?).filter(&wanted))).await
    }

    pub async fn until_short(&self, name: &str, short: StatusShort) -> Result<Job> {
        self.until(name, |job| job.status.short == short).await
    }

    /// What the runtime has.
    pub async fn workloads(&self) -> Vec<WorkloadState> {
        self.runtime.fake.observe(None, Duration::ZERO).await.unwrap().workloads
    }

    /// The containers that run.
    pub async fn running(&self) -> Vec<InstanceId> {
        let all = self.workloads().await;
        all.iter().flat_map(|workload| workload.running().map(|instance| instance.id)).collect()
    }

    /// Waits until exactly one container runs that is not `old`, and the service knows of it.
    pub async fn one_running(&self, old: Option<InstanceId>) -> Result<InstanceId> {
        let one = self.one_begun(old).await?;
        let job = self.runtime.fake.workload(one)?.network.name.unwrap();
        let is_one = |run: &Run| {
            run.state == RunState::Running && format!("{one}.").starts_with(&format!("{}.", run.id))
        };
        until("the service knows what runs", async || {
            Ok(self.runs(job.as_str()).await?.iter().any(is_one).then_some(()))
        })
        .await?;
        Ok(one)
    }

    /// Waits until exactly one container runs that is not `old`, whoever knows of it.
    pub async fn one_begun(&self, old: Option<InstanceId>) -> Result<InstanceId> {
        until("one container runs", async || match self.running().await[..] {
            [one] if Some(one) != old => Ok(Some(one)),
            _ => Ok(None),
        })
        .await
    }

    /// Ends the one container that runs.
    pub async fn end_one(&self, old: Option<InstanceId>, code: i32) -> Result<InstanceId> {
        let one = self.one_begun(old).await?;
        self.runtime.fake.end(one, End::Exited { code })?;
        Ok(one)
    }

    /// Waits until the runtime has nothing left.
    pub async fn nothing_left(&self) -> Result<()> {
        until("all is acknowledged", async || Ok(self.workloads().await.is_empty().then_some(()))).await
    }

    /// Waits for something.
    pub async fn eventually<F: Future<Output = Result<bool>>>(
        &self,
        what: &str,
        so: impl Fn() -> F,
    ) -> Result<()> {
        until(what, async || Ok(so().await?.then_some(()))).await
    }
}

pub fn job_name(name: &str) -> JobName {
    name.parse().unwrap()
}

/// A one-off job.
pub fn once(name: &str) -> JobCreate {
    JobCreate::new(job_name(name), "python3.11", "./run")
}

/// A continuous job.
pub fn kept(name: &str) -> JobCreate {
    JobCreate { continuous: Some(true), ..once(name) }
}

/// Whether a workload runs once.
pub fn is_run(id: &WorkloadId) -> bool {
    matches!(id, WorkloadId::Run(_))
}
