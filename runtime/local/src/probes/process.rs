//! Unprivileged probe process. It receives probe requests from the runtime through a pipe, connects to containers,
//! and sends the outcomes through another pipe.

use std::{ffi::OsString, io, os::fd::AsFd};

use hearth_runtime_api::probe_address;
use rustix::process::{Resource, Rlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe,
    sync::mpsc,
    task::JoinSet,
};

use crate::{
    seccomp,
    sys::{memory, privileges},
};

use super::message::{MAX_REQUEST_BYTES, ProbeMessage, encode_answer};

/// Maximum number of descriptors. The engine runs up to 256 probes at once, and one for each tool without a running
/// probe.
const MAX_DESCRIPTORS: u64 = 4096;
/// Maximum address space in bytes, including the program. 4096 connections with 16 KiB of buffered answer
/// each take 64 MiB.
const MAX_ADDRESS_SPACE_BYTES: u64 = 256 << 20;
/// Capacity of the queue of outcomes that are not yet written.
const OUTCOME_QUEUE_LENGTH: usize = 64;

/// Runs the probe process and returns its exit status. Its arguments are the process id of the runtime and the user id to run as.
pub fn main(arguments: &[OsString]) -> i32 {
    i32::from(run(arguments).is_err())
}

fn run(arguments: &[OsString]) -> io::Result<()> {
    memory::init_memory_trimming();
    let requests = io::stdin().as_fd().try_clone_to_owned()?;
    let answers = io::stdout().as_fd().try_clone_to_owned()?;
    let filters = seccomp::build_prober_filters().map_err(io::Error::other)?;
    let user = arguments.get(1).and_then(|user| user.to_str()?.parse().ok());
    limit_resources()?;
    privileges::drop_privileges(user.ok_or_else(|| io::Error::other("no user"))?, arguments.first())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let entered = runtime.enter();
    let requests = pipe::Receiver::from_owned_fd(requests)?;
    let answers = pipe::Sender::from_owned_fd(answers)?;
    drop(entered);
    memory::trim_memory();
    seccomp::load_filters(&filters).map_err(io::Error::other)?;
    runtime.block_on(serve_probe_requests(requests, answers))
}

/// Limits the resources that this process can use if it is compromised.
fn limit_resources() -> io::Result<()> {
    for (resource, most) in [
        (Resource::Nofile, MAX_DESCRIPTORS),
        (Resource::As, MAX_ADDRESS_SPACE_BYTES),
        (Resource::Nproc, 0),
        (Resource::Memlock, 0),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Reads probe requests, and runs each in its own task, until the runtime process closes the pipe.
async fn serve_probe_requests(mut requests: pipe::Receiver, mut answers: pipe::Sender) -> io::Result<()> {
    let (outcomes, mut ended) = mpsc::channel(OUTCOME_QUEUE_LENGTH);
    let mut probes = JoinSet::new();
    probes.spawn(async move {
        while let Some((number, outcome)) = ended.recv().await {
            if answers.write_all(&encode_answer(number, outcome)).await.is_err() {
                return;
            }
        }
    });
    loop {
        let length = requests.read_u32_le().await?;
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_REQUEST_BYTES);
        let mut bytes = vec![0; length.ok_or_else(|| io::Error::other("a probe request is too long"))?];
        requests.read_exact(&mut bytes).await?;
        let ProbeMessage { number, address, check, timeout } = serde_json::from_slice(&bytes)?;
        let outcomes = outcomes.clone();
        probes.spawn(async move {
            let outcome = probe_address(address, &check, timeout).await;
            let _nobody_waits = outcomes.send((number, outcome)).await;
        });
        while probes.try_join_next().is_some() {}
    }
}
