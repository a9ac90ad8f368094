//! `starts INSTANCE LAYER-ARCHIVE [COUNT]`: measures the time from apply to outcome of a container with
//! `true`, through the socket of a running `hearth-runtime`. The archive is an uncompressed tar with a static
//! `/bin/true`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use hearth_base::{Clock, Cpu, Digest, Entropy, Error, Memory, Result, Secret, SystemClock, ToolId};
use hearth_runtime_api::{
    Compression, ContainerUser, ImageReference, ImageSource, Isolation, LayerDescriptor, Network, Probes,
    Process, ResolvedImage, ResourceLimits, RunId, Runtime, Version, Workload, WorkloadId, WorkloadKind,
    wire::RuntimeClient,
};
use sha2::{Digest as _, Sha256};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "this program prints its result")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, instance, archive, rest @ ..] = arguments.as_slice() else {
        return Err(Error::invalid("usage", "starts INSTANCE LAYER-ARCHIVE [COUNT]"));
    };
    let count = rest.first().and_then(|count| count.parse().ok()).unwrap_or(50u32);
    let runtime = RuntimeClient::new(PathBuf::from(format!("/run/hearth-{instance}/socket")));
    let bytes = std::fs::read(archive).map_err(Error::internal)?;
    let digest = Digest::new(Sha256::digest(&bytes).into());
    let size = bytes.len() as u64;
    let layer = LayerDescriptor { digest, size, compression: Compression::None, diff_id: Some(digest) };
    let reference = ImageReference::new("example/bare", digest)?;
    runtime
        .ensure_image(&ResolvedImage { reference: reference.clone(), layers: vec![layer.clone()] })
        .await?;
    runtime.add_layer(&layer, Box::new(std::io::Cursor::new(bytes))).await?;
    let tool = ToolId::new(SystemClock.now(), &Entropy::System);
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        run_container(&runtime, tool, &reference).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    println!("{count} runs: median {:?}, 90th {:?}, slowest {:?}", at(50), at(90), times.last());
    Ok(())
}

async fn run_container(runtime: &RuntimeClient, tool: ToolId, image: &ImageReference) -> Result<()> {
    let run = RunId::new(SystemClock.now(), &Entropy::System);
    let env = [("PATH".to_owned(), Secret::new("/bin"))].into();
    let argv = vec!["/bin/true".to_owned()];
    let (sealed, cwd) = (BTreeMap::new(), "/".to_owned());
    let process = Process { argv, env, sealed, cwd, user: ContainerUser::default(), stop_signal: 15 };
    let cursor = runtime.observe_workloads(None, Duration::ZERO).await?.cursor;
    runtime
        .apply(Workload {
            owner: tool.into(),
            version: Version { epoch: 1, generation: 1 },
            kind: WorkloadKind::Once { run, time_limit: None },
            isolation: Isolation::Tool,
            image: image.clone(),
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
    let mut cursor = cursor;
    loop {
        let seen = runtime.observe_workloads(Some(cursor), Duration::from_secs(10)).await?;
        cursor = seen.cursor;
        if seen.workloads.iter().any(|state| state.id == WorkloadId::Run(run) && state.done) {
            return runtime.acknowledge_workload(WorkloadId::Run(run)).await;
        }
    }
}
