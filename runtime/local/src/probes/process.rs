//! The process that sends probes: two pipes, connections to containers, and no powers.

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

use super::message::{MAX_REQUEST_BYTES, Request, encode_answer};

/// Connections at one time, and a few more. The engine asks for 256, and beyond them for one of each tool that has none
/// under way.
const MAX_DESCRIPTORS: u64 = 4096;
/// Memory that can be mapped, the program's own included. So many connections, each with the 16 KiB that are read of an
/// answer, take 64 MiB.
const MAX_ADDRESS_SPACE: u64 = 256 << 20;
/// Answers that wait to be written.
const QUEUE_LENGTH: usize = 64;

/// The process's `main`. Its arguments are the number of the runtime's process and the user that it becomes.
pub fn main(arguments: &[OsString]) -> i32 {
    i32::from(run(arguments).is_err())
}

fn run(arguments: &[OsString]) -> io::Result<()> {
    memory::be_thrifty();
    let requests = io::stdin().as_fd().try_clone_to_owned()?;
    let answers = io::stdout().as_fd().try_clone_to_owned()?;
    let filters = seccomp::prober().map_err(io::Error::other)?;
    let user = arguments.get(1).and_then(|user| user.to_str()?.parse().ok());
    limit_resources()?;
    privileges::drop_privileges(user.ok_or_else(|| io::Error::other("no user"))?, arguments.first())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let entered = runtime.enter();
    let requests = pipe::Receiver::from_owned_fd(requests)?;
    let answers = pipe::Sender::from_owned_fd(answers)?;
    drop(entered);
    memory::give_back();
    seccomp::load(&filters).map_err(io::Error::other)?;
    runtime.block_on(send_requested_probes(requests, answers))
}

/// Bounds what the process may use, whatever it comes to do.
fn limit_resources() -> io::Result<()> {
    for (resource, most) in [
        (Resource::Nofile, MAX_DESCRIPTORS),
        (Resource::As, MAX_ADDRESS_SPACE),
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

/// Sends each probe in a task of its own, until the runtime's process closes the pipe.
async fn send_requested_probes(mut requests: pipe::Receiver, mut answers: pipe::Sender) -> io::Result<()> {
    let (outcomes, mut ended) = mpsc::channel(QUEUE_LENGTH);
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
        let mut bytes = vec![0; length.ok_or_else(|| io::Error::other("a request is too long"))?];
        requests.read_exact(&mut bytes).await?;
        let Request { number, address, check, timeout } = serde_json::from_slice(&bytes)?;
        let outcomes = outcomes.clone();
        probes.spawn(async move {
            let outcome = probe_address(address, &check, timeout).await;
            let _nobody_waits = outcomes.send((number, outcome)).await;
        });
        while probes.try_join_next().is_some() {}
    }
}
