//! The service with its workers, a runtime behind a socket, and callers.

use std::{future::Future, net::Ipv4Addr, sync::Arc, time::Duration};

use hearth_base::{Access, Entropy, JobName, Result, Role, SystemClock, ToolId, ToolName};
use hearth_client::Client;
use hearth_jobs::JobsSettings;
use hearth_kit::{Kit, MountedService, config::HearthConfig, db::Db};
use hearth_runtime_api::{
    InstanceId, Runtime, Termination, WorkloadId, WorkloadState,
    engine::RestartBackoff,
    fake::FakeRuntime,
    wire::{AllowedCallers, RuntimeClient, serve},
};
use hearth_testkit::{
    ServiceStand,
    fake_services::{FakeServices, mount_fake_services},
    send_json_request, wait_until,
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

/// A fake runtime that is served at a Unix socket.
pub struct ServedRuntime {
    folder: TempDir,
    pub fake: Arc<FakeRuntime>,
    server: JoinSet<()>,
}

impl ServedRuntime {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut runtime = Self { folder, fake: build_fake(), server: JoinSet::new() };
        runtime.listen();
        runtime
    }

    fn listen(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let path = self.folder.path().join("socket");
        let _there_may_be_an_old_one = std::fs::remove_file(&path);
        let uids = vec![std::fs::metadata("/proc/self").unwrap().uid()];
        let listener = UnixListener::bind(path).unwrap();
        self.server.spawn(serve(
            listener,
            AllowedCallers { uids },
            Arc::clone(&self.fake) as Arc<dyn Runtime>,
        ));
    }

    /// Stops its process; containers keep running.
    pub async fn stop(&mut self) {
        self.server.shutdown().await;
    }

    /// Starts its process again.
    pub fn restart(&mut self) {
        self.listen();
    }

    /// Starts an empty runtime at the same socket, as on another machine.
    pub fn replace_service(&mut self) {
        self.fake = build_fake();
        self.listen();
    }

    fn mount(&self) -> impl FnOnce(&Kit) -> Result<MountedService> + use<> {
        let socket = self.folder.path().join("socket");
        move |kit| hearth_jobs::mount_on(kit, Arc::new(RuntimeClient::new(socket)))
    }
}

fn build_fake() -> Arc<FakeRuntime> {
    let pauses = RestartBackoff { initial_delay: Duration::from_millis(20), ..RestartBackoff::default() };
    let fake = FakeRuntime::new(Arc::new(SystemClock), pauses);
    fake.set_address(Ipv4Addr::LOCALHOST);
    fake
}

/// The service, a tool, and callers.
pub struct JobsHarness {
    pub stand: ServiceStand,
    pub runtime: ServedRuntime,
    pub fakes: FakeServices,
    pub tool_id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    pub edge: Client,
}

impl JobsHarness {
    /// Starts the service with its workers.
    pub async fn new(db: Db) -> Result<Self> {
        Self::with_config(db, |_| ()).await
    }

    /// Starts the service with other settings.
    pub async fn with_config(db: Db, set: impl FnOnce(&mut HearthConfig)) -> Result<Self> {
        let runtime = ServedRuntime::new();
        let mut config = HearthConfig::default();
        config.change_section(|jobs: &mut JobsSettings| jobs.retry_pause = 0);
        set(&mut config);
        let quota = Quota { continuous_jobs: 2, ..Quota::default() };
        let stand = ServiceStand::start_service(Role::Jobs, db, runtime.mount(), config, quota).await?;
        let (tool_id, tool) = (ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System), "hello".parse()?);
        let fakes = FakeServices::default();
        mount_fake_services(&stand, &fakes);
        let mut harness = Self {
            maintainer: stand.member(tool_id, &tool, Access::Write)?,
            viewer: stand.member(tool_id, &tool, Access::Read)?,
            edge: stand.service_client(Role::Edge)?,
            stand,
            runtime,
            fakes,
            tool_id,
            tool,
        };
        harness.stand.start_workers();
        Ok(harness)
    }

    /// Stops the service's process.
    pub async fn stop(&mut self) {
        assert!(self.stand.stop_workers().await, "workers stop on request");
    }

    /// Kills the service's process at any point.
    pub async fn kill_service(&mut self) {
        assert!(self.stand.kill_workers().await, "workers end when killed");
    }

    /// Starts another process of the service.
    pub async fn start(&mut self) -> Result<()> {
        self.stand.mount(self.runtime.mount()).await?;
        self.maintainer = self.stand.member(self.tool_id, &self.tool, Access::Write)?;
        self.stand.start_workers();
        Ok(())
    }

    /// Sends a request with any document as the maintainer.
    pub async fn send(&self, method: Method, path: &str, content: Option<Value>) -> (StatusCode, Value) {
        let path = format!("/jobs/v1/tool/hello{path}");
        send_json_request(&self.maintainer, method, &path, content.as_ref()).await.unwrap()
    }

    pub async fn create(&self, job: &JobCreate) -> Result<Job> {
        self.maintainer.jobs().create(&self.tool, job).await
    }

    pub async fn show_job(&self, name: &str) -> Result<Job> {
        self.maintainer.jobs().show(&self.tool, &job_name(name), &JobsQuery::default()).await
    }

    pub async fn list_runs(&self, name: &str) -> Result<Vec<Run>> {
        let runs = self.maintainer.jobs().list_runs(&self.tool, &job_name(name), &Paging::default()).await?;
        Ok(runs.runs)
    }

    /// Waits until a job meets a condition.
    pub async fn wait_for_job(&self, name: &str, wanted: impl Fn(&Job) -> bool) -> Result<Job> {
        wait_until("the job meets the condition", async || {
            Ok(Some(self.show_job(name).await?).filter(&wanted))
        })
        .await
    }

    pub async fn wait_for_status(&self, name: &str, short: StatusShort) -> Result<Job> {
        self.wait_for_job(name, |job| job.status.short == short).await
    }

    /// Lists the workloads of the runtime.
    pub async fn list_workloads(&self) -> Vec<WorkloadState> {
        self.runtime.fake.observe_workloads(None, Duration::ZERO).await.unwrap().workloads
    }

    /// Lists the running containers.
    pub async fn list_running(&self) -> Vec<InstanceId> {
        let all = self.list_workloads().await;
        all.iter().flat_map(|workload| workload.running_instances().map(|instance| instance.id)).collect()
    }

    /// Waits until exactly one container runs that is not `old`, and the service has recorded it.
    pub async fn wait_for_one_running(&self, old: Option<InstanceId>) -> Result<InstanceId> {
        let one = self.wait_for_one_container(old).await?;
        let job = self.runtime.fake.find_workload(one)?.network.name.unwrap();
        let is_one = |run: &Run| {
            run.state == RunState::Running && format!("{one}.").starts_with(&format!("{}.", run.id))
        };
        wait_until("the service has recorded the container", async || {
            Ok(self.list_runs(job.as_str()).await?.iter().any(is_one).then_some(()))
        })
        .await?;
        Ok(one)
    }

    /// Waits until exactly one container runs that is not `old`, recorded or not.
    pub async fn wait_for_one_container(&self, old: Option<InstanceId>) -> Result<InstanceId> {
        wait_until("one container runs", async || match self.list_running().await[..] {
            [one] if Some(one) != old => Ok(Some(one)),
            _ => Ok(None),
        })
        .await
    }

    /// Ends the one running container.
    pub async fn end_one_container(&self, old: Option<InstanceId>, code: i32) -> Result<InstanceId> {
        let one = self.wait_for_one_container(old).await?;
        self.runtime.fake.end_instance(one, Termination::Exited { code })?;
        Ok(one)
    }

    /// Waits until the runtime has no workload.
    pub async fn wait_until_idle(&self) -> Result<()> {
        wait_until("all workloads are acknowledged", async || {
            Ok(self.list_workloads().await.is_empty().then_some(()))
        })
        .await
    }

    /// Waits until a condition is met.
    pub async fn wait_until<F: Future<Output = Result<bool>>>(
        &self,
        what: &str,
        so: impl Fn() -> F,
    ) -> Result<()> {
        wait_until(what, async || Ok(so().await?.then_some(()))).await
    }
}

pub fn job_name(name: &str) -> JobName {
    name.parse().unwrap()
}

/// Builds a one-off job.
pub fn build_one_off_job(name: &str) -> JobCreate {
    JobCreate::new(job_name(name), "python3.11", "./run")
}

/// Builds a continuous job.
pub fn build_continuous_job(name: &str) -> JobCreate {
    JobCreate { continuous: Some(true), ..build_one_off_job(name) }
}

/// Returns whether a workload is a run, not a set.
pub fn is_run(id: &WorkloadId) -> bool {
    matches!(id, WorkloadId::Run(_))
}
