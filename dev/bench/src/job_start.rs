//! From a request to a process that runs, and from start to exit of `true`.

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
    Compression, Image as RuntimeImage, ImageReference, ImageSource, Isolation, LayerDescriptor, Limits,
    Network, Probes, Process, RunId, Runtime, User, Version, Workload, WorkloadId, WorkloadKind,
    wire::Socket,
};
use hearth_testkit::{Hearth, Image, Shape, Store, until};
use hearth_wire::{jobs::JobCreate, reply::Paging, tools::ToolCreate};
use sha2::{Digest as _, Sha256};

use crate::{
    bare::Bare,
    bundle::Bundle,
    oci::Peer,
    report::{Goal, Report, Row},
    times::Times,
};

/// How often each is measured.
const RUNS: u32 = 30;

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("job-start");
    requests(&mut report).await?;
    starts(&mut report).await?;
    Ok(report)
}

/// Through the API, as people's jobs start.
async fn requests(report: &mut Report) -> Result<()> {
    let hearth = Hearth::start(Shape::UP).await?;
    let operator = hearth.operator().await?;
    let tool: ToolName = "bench".parse()?;
    operator.client.tools().create(&ToolCreate { name: tool.clone(), description: String::new() }).await?;
    Image::busybox(&[])?.push(&operator.client, "hearth/bookworm", "latest").await?;
    // The first one brings the image's layer to the runtime.
    request(&operator.client, &tool, "first").await?;
    let mut times = Vec::new();
    for number in 0..RUNS {
        times.push(request(&operator.client, &tool, &format!("job{number}")).await?);
    }
    let times = Times::new(times);
    report.row(Row::new("request sent → process runs, median", times.median(), "ms"));
    report.row(Row::new("request sent → process runs, p90", times.percentile(90), "ms"));
    hearth.stop().await
}

/// How long after the request the process of a one-off job began. Waits until it has ended.
async fn request(client: &Client, tool: &ToolName, name: &str) -> Result<Duration> {
    let asked = SystemClock.now();
    let job = client.jobs().create(tool, &JobCreate::new(name.parse()?, "bookworm", "true")).await?;
    let run = until("the run to end", async || {
        let runs = client.jobs().runs(tool, &job.name, &Paging::default()).await?.runs;
        Ok(runs.into_iter().find(|run| run.ended.is_some()))
    });
    let run = run.await?;
    if run.exit_code != Some(0) {
        return Err(Error::internal(format!("true did not end well: {run:?}")));
    }
    let began = run.started.ok_or_else(|| Error::internal("a run that did not start"))?;
    Duration::try_from(began.duration_since(asked)).map_err(Error::internal)
}

/// By the runtime's socket and by others, taking turns.
async fn starts(report: &mut Report) -> Result<()> {
    // With a runtime of its own, which this user may call.
    let shape = Shape { split: true, store: Store::Files, containers: true };
    let hearth = Hearth::start(shape).await?;
    let bundle = Bundle::make()?;
    let mine = Mine::new(hearth.runtime_socket()?, &bundle).await?;
    let state = tempfile::tempdir().map_err(Error::internal)?;
    let mut bare = Bare::start(bundle.folder(), state.path())?;
    let mut peers = Vec::new();
    for peer in [Peer::runtime("crun", &bundle)?, Peer::runtime("runc", &bundle)?, Peer::podman(&bundle)?] {
        match peer {
            Ok(peer) => peers.push((peer, Vec::new())),
            Err(reason) => report.note(reason),
        }
    }
    let (mut own, mut barely) = (Vec::new(), Vec::new());
    mine.once().await?;
    let works =
        bare.once().inspect_err(|reason| report.note(format!("libcontainer's loop: {reason}"))).is_ok();
    for _ in 0..RUNS {
        let began = Instant::now();
        mine.once().await?;
        own.push(began.elapsed());
        if works {
            barely.push(bare.once()?);
        }
        for (peer, times) in &mut peers {
            times.push(peer.once()?);
        }
    }
    let own = Times::new(own);
    let row = |what: &str| Row::new(format!("start to exit of true{what}"), own.median(), "ms");
    if works {
        let beside = row(", median").beside("libcontainer", Times::new(barely).median());
        report.row(beside.goal(Goal::TimesBeside(2.0)));
    }
    for (peer, times) in &peers {
        let beside = row("").beside(peer.name, Times::new(times.clone()).median());
        report.row(if peer.name == "podman" { beside.goal(Goal::Quicker(10.0)) } else { beside });
    }
    report.row(Row::new("start to exit of true, p90", own.percentile(90), "ms"));
    hearth.stop().await
}

/// Hearth's runtime, with the bundle's layer.
struct Mine {
    runtime: Socket,
    tool: ToolId,
    image: ImageReference,
}

impl Mine {
    async fn new(socket: PathBuf, bundle: &Bundle) -> Result<Self> {
        let runtime = Socket::at(socket);
        let bytes = std::fs::read(bundle.archive()).map_err(Error::internal)?;
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

    /// One container, from start to exit to the outcome that is acknowledged.
    async fn once(&self) -> Result<()> {
        let run = RunId::new(SystemClock.now(), &Entropy::System);
        let env = [("PATH".to_owned(), Secret::new("/bin"))].into();
        let argv = vec!["/bin/true".to_owned()];
        let (sealed, cwd) = (BTreeMap::new(), "/".to_owned());
        let process = Process { argv, env, sealed, cwd, user: User::default(), stop_signal: 15 };
        let mut cursor = self.runtime.observe(None, Duration::ZERO).await?.cursor;
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
                limits: Limits {
                    memory: Memory::mib(64),
                    cpu: Cpu::milli(1000),
                    processes: 16,
                    disk: Memory::mib(64),
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
            let seen = self.runtime.observe(Some(cursor), Duration::from_secs(10)).await?;
            cursor = seen.cursor;
            if seen.workloads.iter().any(|state| state.id == WorkloadId::Run(run) && state.done) {
                return self.runtime.acknowledge(WorkloadId::Run(run)).await;
            }
        }
    }
}
