//! The runtime's side: it keeps the process alive, gives it probes, and takes answers as outside input.

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
    again::{self, Part},
    failure::Doing,
};

use super::{
    FIRST_PAUSE, MAX_PAUSE,
    message::{ANSWER_BYTES, Request, decode_answer},
};

/// Probes that wait to be written. The engine bounds how many there are at one time.
const QUEUE_LENGTH: usize = 64;
/// A process that has not answered so long after a probe's timeout is not well.
const ANSWER_GRACE: Duration = Duration::from_secs(3);
/// The longest that the process may leave a request unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
/// A process that lived this long is started again without a pause.
const STEADY_LIFE: Duration = Duration::from_secs(60);

/// The process, as the runtime sees it.
pub struct ProbeProcess {
    requests: mpsc::Sender<Pending>,
    _supervisor: JoinSet<()>,
}

/// A probe whose outcome somebody waits for.
struct Pending {
    address: Ipv4Addr,
    check: ProbeCheck,
    timeout: Duration,
    answer: oneshot::Sender<ProbeOutcome>,
}

impl ProbeProcess {
    /// Starts the process as this user, and starts it again whenever it ends.
    pub fn start(user: u32) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
        let mut supervisor = JoinSet::new();
        supervisor.spawn(supervise_process(user, queue));
        Self { requests, _supervisor: supervisor }
    }

    /// Sends a probe. One that the process took down with it was not sent.
    pub async fn send_probe(&self, address: Ipv4Addr, check: &ProbeCheck, timeout: Duration) -> ProbeOutcome {
        let (answer, outcome) = oneshot::channel();
        let pending = Pending { address, check: check.clone(), timeout, answer };
        if self.requests.send(pending).await.is_err() {
            return ProbeOutcome::NotSent;
        }
        outcome.await.unwrap_or(ProbeOutcome::NotSent)
    }
}

async fn supervise_process(user: u32, mut queue: mpsc::Receiver<Pending>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        match spawn_process(user) {
            Ok(mut child) => {
                let served = pass_probes_on(&mut child, &mut queue).await;
                let error = served.err().map(|error| error.to_string());
                tracing::warn!(error, "probe process ended; will start again");
                // It may have broken the protocol and still run.
                let _gone = child.kill().await;
            }
            Err(error) => tracing::warn!(%error, "probe process did not start; will retry"),
        }
        pause = if begun.elapsed() >= STEADY_LIFE { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
        drop_until(&mut queue, Instant::now() + pause).await;
    }
}

/// Nobody sends probes meanwhile: their callers learn that at once.
async fn drop_until(queue: &mut mpsc::Receiver<Pending>, end: Instant) {
    while tokio::time::timeout_at(end, queue.recv()).await.is_ok_and(|pending| pending.is_some()) {}
}

/// Starts the process. It ends with this one.
fn spawn_process(user: u32) -> Result<Child> {
    let mut command = again::command(Part::Probes);
    command.args([std::process::id(), user].map(|number| number.to_string()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Command::from(command).kill_on_drop(true).spawn().doing("starting the process that sends probes")
}

/// A probe that the process has been given.
struct Waiting {
    answer: oneshot::Sender<ProbeOutcome>,
    until: Instant,
}

/// When the first of these should have been answered.
fn first_deadline(waiting: &BTreeMap<u64, Waiting>) -> Instant {
    let first = waiting.values().map(|waiting| waiting.until).min();
    first.unwrap_or_else(|| Instant::now() + STEADY_LIFE)
}

/// Passes probes on and takes answers, until something is wrong.
async fn pass_probes_on(child: &mut Child, queue: &mut mpsc::Receiver<Pending>) -> Result<()> {
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("a child without streams"));
    };
    let mut waiting: BTreeMap<u64, Waiting> = BTreeMap::new();
    let mut last = 0;
    let (mut answer, mut filled) = ([0; ANSWER_BYTES], 0);
    loop {
        tokio::select! {
            pending = queue.recv() => {
                let Some(Pending { address, check, timeout, answer }) = pending else { return Ok(()) };
                waiting.retain(|_, waiting| !waiting.answer.is_closed());
                last += 1;
                let request = Request { number: last, address, check, timeout };
                let request = request.encode().doing("sending a probe")?;
                waiting.insert(last, Waiting { answer, until: Instant::now() + timeout + ANSWER_GRACE });
                let written = tokio::time::timeout(WRITE_TIMEOUT, to.write_all(&request)).await;
                written.unwrap_or_else(|late| Err(late.into())).doing("sending a probe")?;
            }
            () = tokio::time::sleep_until(first_deadline(&waiting)) => {
                waiting.retain(|_, waiting| !waiting.answer.is_closed());
                if first_deadline(&waiting) <= Instant::now() {
                    return Err(Error::unavailable("probe-process", "the process does not answer"));
                }
            }
            // Nothing is lost when the other branch is first: what was read is kept here.
            read = from.read(&mut answer[filled..]) => {
                let read = read.doing("reading an outcome")?;
                if read == 0 {
                    return Err(Error::unavailable("probe-process", "the process has closed its stream"));
                }
                filled += read;
                if filled < ANSWER_BYTES {
                    continue;
                }
                filled = 0;
                let (number, outcome) = decode_answer(answer)
                    .ok_or_else(|| Error::unavailable("probe-process", "the process sent something else"))?;
                // A number that nobody waits for is one that was called off, or invented: either way it is nothing.
                if let Some(waiting) = waiting.remove(&number) {
                    let _called_off = waiting.answer.send(outcome);
                }
            }
        }
    }
}
