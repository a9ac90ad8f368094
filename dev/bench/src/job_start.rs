//! Bench `job-start`: time from a request to a running process, and from start to exit of `true`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use hearth_base::{
    Clock, Cpu, Digest, Entropy, Error, Memory, Result, Secret, SystemClock, ToolId, ToolName,
};
use hearth_client::Client;
use hearth_runtime_api::{
    Compression, ContainerUser, ImageReference, ImageSource, Isolation, LayerDescriptor, Network, Probes,
    Process, ResolvedImage as RuntimeImage, ResourceLimits, RunId, Runtime, Version, Workload, WorkloadId,
    WorkloadKind, wire::RuntimeClient,
};
use hearth_testkit::{DatabaseKind, Hearth, HearthShape, TestImage, wait_until};
use hearth_wire::{jobs::JobCreate, reply::Paging, tools::ToolCreate};
use sha2::{Digest as _, Sha256};

use crate::{
    bundle::OciBundle,
    durations::Durations,
    libcontainer_loop::LibcontainerLoop,
    oci::OciProgram,
    report::{BenchReport, Goal, ReportRow},
};

/// Number of measurements of each kind.
const RUN_COUNT: u32 = 30;

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("job-start");
    measure_api_starts(&mut report).await?;
    measure_container_starts(&mut report).await?;
    Ok(report)
}

/// Measures job starts through the API, as users start jobs.
async fn measure_api_starts(report: &mut BenchReport) -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let operator = hearth.operator().await?;
    let tool: ToolName = "bench".parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    TestImage::from_busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    // The first start also delivers the image's layer to the runtime.
    time_job_start(&operator.client, &tool, "first").await?;
    let mut times = Vec::new();
    for number in 0..RUN_COUNT {
        times.push(time_job_start(&operator.client, &tool, &format!("job{number}")).await?);
    }
    let times = Durations::new(times);
    report.add_row(ReportRow::new("request sent → process runs, median", times.median_millis(), "ms"));
    report.add_row(ReportRow::new("request sent → process runs, p90", times.percentile_millis(90), "ms"));
    hearth.stop().await
}

/// Starts a one-off job and waits for its end. Returns the time from the request to the start of its process.
async fn time_job_start(client: &Client, tool: &ToolName, name: &str) -> Result<Duration> {
    let requested_at = SystemClock.now();
    let job = client.jobs().create(tool, &JobCreate::new(name.parse()?, "bookworm", "true")).await?;
    let run = wait_until("the run to end", async || {
        let runs = client.jobs().list_runs(tool, &job.name, &Paging::default()).await?.runs;
        Ok(runs.into_iter().find(|run| run.ended.is_some()))
    });
    let run = run.await?;
    if run.exit_code != Some(0) {
        return Err(Error::internal(format!("true failed: {run:?}")));
    }
    let began = run.started.ok_or_else(|| Error::internal("the run has no start time"))?;
    Duration::try_from(began.duration_since(requested_at)).map_err(Error::internal)
}

/// Measures container starts through the runtime's socket and by the peers, in turns.
async fn measure_container_starts(report: &mut BenchReport) -> Result<()> {
    // The runtime runs as a separate process, which this user may call.
    let shape = HearthShape { split: true, database_kind: DatabaseKind::Sqlite, containers: true };
    let hearth = Hearth::start(shape).await?;
    let bundle = OciBundle::create()?;
    let runtime = HearthRuntime::new(hearth.runtime_socket()?, &bundle).await?;
    let state = tempfile::tempdir().map_err(Error::internal)?;
    let mut libcontainer = LibcontainerLoop::start(bundle.folder(), state.path())?;
    let mut peers = Vec::new();
    for peer in [
        OciProgram::prepare_runtime("crun", &bundle)?,
        OciProgram::prepare_runtime("runc", &bundle)?,
        OciProgram::prepare_podman(&bundle)?,
    ] {
        match peer {
            Ok(peer) => peers.push((peer, Vec::new())),
            Err(reason) => report.add_note(reason),
        }
    }
    let (mut own, mut libcontainer_times) = (Vec::new(), Vec::new());
    runtime.run_container().await?;
    let works = libcontainer
        .time_container()
        .inspect_err(|reason| report.add_note(format!("libcontainer is not measured: {reason}")))
        .is_ok();
    for _ in 0..RUN_COUNT {
        let began = Instant::now();
        runtime.run_container().await?;
        own.push(began.elapsed());
        if works {
            libcontainer_times.push(libcontainer.time_container()?);
        }
        for (peer, times) in &mut peers {
            times.push(peer.time_container()?);
        }
    }
    let own = Durations::new(own);
    let row = |what: &str| ReportRow::new(format!("start to exit of true{what}"), own.median_millis(), "ms");
    if works {
        let row_with_peer =
            row(", median").with_peer("libcontainer", Durations::new(libcontainer_times).median_millis());
        report.add_row(row_with_peer.with_goal(Goal::RatioAtMost(1.1)));
    }
    for (peer, times) in &peers {
        let row_with_peer = row("").with_peer(peer.name, Durations::new(times.clone()).median_millis());
        report.add_row(if peer.name == "podman" {
            row_with_peer.with_goal(Goal::TimesQuicker(10.0))
        } else {
            row_with_peer
        });
    }
    report.add_row(ReportRow::new("start to exit of true, p90", own.percentile_millis(90), "ms"));
    hearth.stop().await
}

/// Hearth's runtime, with the layer of the bundle.
struct HearthRuntime {
    runtime: RuntimeClient,
    tool: ToolId,
    image: ImageReference,
}

impl HearthRuntime {
    async fn new(socket: PathBuf, bundle: &OciBundle) -> Result<Self> {
        let runtime = RuntimeClient::new(socket);
        let bytes = std::fs::read(bundle.archive_path()).map_err(Error::internal)?;
        let digest = Digest::new(Sha256::digest(&bytes).into());
        let size = bytes.len() as u64;
        let layer = LayerDescriptor { digest, size, compression: Compression::None, diff_id: Some(digest) };
        let reference = ImageReference::new("example/bare", digest)?;
        runtime
            .ensure_image(&RuntimeImage { reference: reference.clone(), layers: vec![layer.clone()] })
            .await?;
        runtime.add_layer(&layer, Box::new(std::io::Cursor::new(bytes))).await?;
        Ok(Self { runtime, tool: ToolId::new(SystemClock.now(), &Entropy::System), image: reference })
    }

    /// Runs one container and acknowledges its outcome.
    async fn run_container(&self) -> Result<()> {
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        let env = [("PATH".to_owned(), Secret::new("/bin"))].into();
        let argv = vec!["/bin/true".to_owned()];
        let (sealed, cwd) = (BTreeMap::new(), "/".to_owned());
        let process = Process { argv, env, sealed, cwd, user: ContainerUser::default(), stop_signal: 15 };
        let mut cursor = self.runtime.observe_workloads(None, Duration::ZERO).await?.cursor;
        self.runtime
            .apply(Workload {
                owner: self.tool.into(),
                version: Version { epoch: 1, generation: 1 },
                kind: WorkloadKind::Once { run, time_limit: None },
                isolation: Isolation::Tool,
                image: self.image.clone(),
                image_source: ImageSource::Delivered,
                read_only: false,
                process,
                limits: ResourceLimits {
                    memory: Memory::from_mib(64),
                    cpu: Cpu::from_milli(1000),
                    processes: 16,
                    disk: Memory::from_mib(64),
                },
                network: Network::default(),
                mounts: Vec::new(),
                files: Vec::new(),
                grace: Duration::from_secs(1),
                restart: 0,
                probes: Probes::default(),
            })
            .await?;
        loop {
            let observation = self.runtime.observe_workloads(Some(cursor), Duration::from_secs(10)).await?;
            cursor = observation.cursor;
            if observation.workloads.iter().any(|state| state.id == WorkloadId::Run(run) && state.done) {
                return self.runtime.acknowledge_workload(WorkloadId::Run(run)).await;
            }
        }
    }
}
