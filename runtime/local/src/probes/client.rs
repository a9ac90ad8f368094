//! Client of the probe process: supervises the process, sends it probes, and treats its answers as untrusted
//! input.

use std::{collections::BTreeMap, net::Ipv4Addr, process::Stdio, time::Duration};

use hearth_base::{Error, Result};
use hearth_runtime_api::{ProbeCheck, ProbeOutcome};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};

use crate::{
    host_error::HostErrorContext,
    reexec::{self, Subprocess},
};

use super::{
    FIRST_PAUSE, MAX_PAUSE,
    message::{ANSWER_BYTES, ProbeMessage, decode_answer},
};

/// Queue of probes that are not yet written. The engine limits the number of concurrent probes.
const MAX_QUEUED_PROBES: usize = 64;
/// Time after a probe's timeout within which the process must answer.
const ANSWER_GRACE: Duration = Duration::from_secs(3);
/// Time within which the process must read a request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
/// Minimum run time after which a restart uses the shortest pause.
const STABLE_RUN_DURATION: Duration = Duration::from_secs(60);

/// Handle of the supervised probe process.
pub struct ProbeProcess {
    requests: mpsc::Sender<QueuedProbe>,
    _supervisor: JoinSet<()>,
}

/// Probe in the queue.
struct QueuedProbe {
    address: Ipv4Addr,
    check: ProbeCheck,
    timeout: Duration,
    answer: oneshot::Sender<ProbeOutcome>,
}

impl ProbeProcess {
    /// Starts the process as the user id `user`, and restarts it whenever it exits.
    pub fn start(user: u32) -> Self {
        let (requests, queue) = mpsc::channel(MAX_QUEUED_PROBES);
        let mut supervisor = JoinSet::new();
        supervisor.spawn(supervise_process(user, queue));
        Self { requests, _supervisor: supervisor }
    }

    /// Sends a probe. The outcome is `NotSent` if the process exits before it answers.
    pub async fn send_probe(&self, address: Ipv4Addr, check: &ProbeCheck, timeout: Duration) -> ProbeOutcome {
        let (answer, outcome) = oneshot::channel();
        let pending = QueuedProbe { address, check: check.clone(), timeout, answer };
        if self.requests.send(pending).await.is_err() {
            return ProbeOutcome::NotSent;
        }
        outcome.await.unwrap_or(ProbeOutcome::NotSent)
    }
}

async fn supervise_process(user: u32, mut queue: mpsc::Receiver<QueuedProbe>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        match spawn_process(user) {
            Ok(mut child) => {
                let served = exchange_probes(&mut child, &mut queue).await;
                let error = served.err().map(|error| error.to_string());
                tracing::warn!(error, "probe process ended; will start again");
                // After a protocol error the process may still run.
                let _gone = child.kill().await;
            }
            Err(error) => tracing::warn!(%error, "probe process did not start; will retry"),
        }
        pause = if begun.elapsed() >= STABLE_RUN_DURATION { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
        drop_probes_until(&mut queue, Instant::now() + pause).await;
    }
}

/// Drops queued probes until `end`, so that their callers get `NotSent` at once while no process runs.
async fn drop_probes_until(queue: &mut mpsc::Receiver<QueuedProbe>, end: Instant) {
    while tokio::time::timeout_at(end, queue.recv()).await.is_ok_and(|pending| pending.is_some()) {}
}

/// Starts the probe process. It is killed when this process ends.
fn spawn_process(user: u32) -> Result<Child> {
    let mut command = reexec::build_command(Subprocess::Prober);
    command.args([std::process::id(), user].map(|number| number.to_string()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Command::from(command).kill_on_drop(true).spawn().with_context("starting the probe process")
}

/// Probe that was sent to the process.
struct SentProbe {
    answer: oneshot::Sender<ProbeOutcome>,
    until: Instant,
}

/// Earliest deadline of these probes.
fn first_deadline(waiting: &BTreeMap<u64, SentProbe>) -> Instant {
    let first = waiting.values().map(|waiting| waiting.until).min();
    first.unwrap_or_else(|| Instant::now() + STABLE_RUN_DURATION)
}

/// Sends queued probes and receives answers until an error occurs.
async fn exchange_probes(child: &mut Child, queue: &mut mpsc::Receiver<QueuedProbe>) -> Result<()> {
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("the child has no standard streams"));
    };
    let mut waiting: BTreeMap<u64, SentProbe> = BTreeMap::new();
    let mut last = 0;
    let (mut answer, mut filled) = ([0; ANSWER_BYTES], 0);
    loop {
        tokio::select! {
            pending = queue.recv() => {
                let Some(QueuedProbe { address, check, timeout, answer }) = pending else { return Ok(()) };
                waiting.retain(|_, waiting| !waiting.answer.is_closed());
                last += 1;
                let request = ProbeMessage { number: last, address, check, timeout };
                let request = request.encode_frame().with_context("sending a probe")?;
                waiting.insert(last, SentProbe { answer, until: Instant::now() + timeout + ANSWER_GRACE });
                let written = tokio::time::timeout(WRITE_TIMEOUT, to.write_all(&request)).await;
                written.unwrap_or_else(|late| Err(late.into())).with_context("sending a probe")?;
            }
            () = tokio::time::sleep_until(first_deadline(&waiting)) => {
                waiting.retain(|_, waiting| !waiting.answer.is_closed());
                if first_deadline(&waiting) <= Instant::now() {
                    return Err(Error::unavailable("probe-process", "the probe process does not respond"));
                }
            }
            // Cancel-safe: bytes of a partial answer stay in `answer` when another branch completes first.
            read = from.read(&mut answer[filled..]) => {
                let read = read.with_context("reading the outcome of a probe")?;
                if read == 0 {
                    return Err(Error::unavailable("probe-process", "the probe process has closed its output"));
                }
                filled += read;
                if filled < ANSWER_BYTES {
                    continue;
                }
                filled = 0;
                let (number, outcome) = decode_answer(answer)
                    .ok_or_else(|| Error::unavailable("probe-process", "the probe process sent an invalid response"))?;
                // An unknown number belongs to a cancelled probe or is invented; it is ignored.
                if let Some(waiting) = waiting.remove(&number) {
                    let _called_off = waiting.answer.send(outcome);
                }
            }
        }
    }
}
