//! One container of the fake: its log, its gates, and the execution of its script.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use hearth_base::{Clock, Memory};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::{
    ContainerOutcome, ExecInput, ExecOutput, ExecRequest, ExecSession, LogLine, LogPage, LogStream, Owner,
    ProbeCheck, ProbeFailure, ProbeOutcome, Process, Termination, Workload,
};

use super::{
    lock_mutex,
    script::{Script, ScriptStep},
};

const SIGNAL_TERM: i32 = 15;
const SIGNAL_KILL: i32 = 9;

/// The state of one container.
pub struct FakeInstance {
    workload: Arc<Workload>,
    homes: Arc<Mutex<BTreeMap<Owner, String>>>,
    clock: Arc<dyn Clock>,
    log: watch::Sender<InstanceLog>,
    gates: watch::Sender<BTreeSet<String>>,
    /// The ports that its script listens on.
    ports: Mutex<BTreeSet<u16>>,
    /// The failure of all its probes, if a test set one.
    probe_failure: Mutex<Option<ProbeFailure>>,
    /// A stop was requested.
    stop_requested: watch::Sender<bool>,
    /// The end that the test or the kill forced.
    forced_end: watch::Sender<Option<Termination>>,
    usage: Mutex<ScriptUsage>,
}

/// Resource usage of a container, as its script declares it.
struct ScriptUsage {
    cpu_micros: u64,
    peak_memory: u64,
    disk: Memory,
    disk_full: bool,
}

impl Default for ScriptUsage {
    /// The usage of a minimal program.
    fn default() -> Self {
        Self { cpu_micros: 1000, peak_memory: 1 << 20, disk: Memory::from_bytes(16 << 10), disk_full: false }
    }
}

#[derive(Default)]
struct InstanceLog {
    lines: Vec<LogLine>,
    complete: bool,
}

/// Receives the output lines of a script.
type LineWriter<'a> = &'a (dyn Fn(LogStream, &str) + Send + Sync);

impl FakeInstance {
    pub fn new(
        workload: Arc<Workload>,
        homes: Arc<Mutex<BTreeMap<Owner, String>>>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            workload,
            homes,
            clock,
            log: watch::Sender::default(),
            gates: watch::Sender::default(),
            ports: Mutex::default(),
            probe_failure: Mutex::default(),
            stop_requested: watch::Sender::default(),
            forced_end: watch::Sender::default(),
            usage: Mutex::default(),
        })
    }

    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn write(&self, stream: LogStream, text: &str) {
        let time = self.now();
        self.log.send_modify(|log| {
            let sequence = log.lines.len() as u64 + 1;
            log.lines.push(LogLine { sequence, time, stream, partial: false, text: text.to_owned() });
        });
    }

    pub fn disk_usage(&self) -> u64 {
        lock_mutex(&self.usage).disk.get()
    }

    pub fn force_end(&self, end: Termination) {
        self.forced_end.send_if_modified(|forced| {
            let first = forced.is_none();
            forced.get_or_insert(end);
            first
        });
    }

    pub async fn stop(&self, grace: Duration) {
        self.stop_requested.send_replace(true);
        let mut log = self.log.subscribe();
        if tokio::time::timeout(grace, log.wait_for(|log| log.complete)).await.is_err() {
            self.force_end(Termination::Killed { signal: SIGNAL_KILL });
        }
    }

    pub async fn run_script(&self) -> ContainerOutcome {
        let started = self.now();
        let write = |stream: LogStream, text: &str| self.write(stream, text);
        let limit = self.workload.time_limit().unwrap_or(Duration::MAX);
        let running = self.run_process(&self.workload.process, &write, Vec::new);
        let end = tokio::time::timeout(limit, running).await.unwrap_or(Termination::TimedOut);
        self.log.send_modify(|log| log.complete = true);
        let used = lock_mutex(&self.usage);
        ContainerOutcome {
            started: (!matches!(end, Termination::NotStarted { .. })).then_some(started),
            stopped: *self.stop_requested.borrow(),
            cpu_micros: used.cpu_micros,
            peak_memory: used.peak_memory,
            disk_full: used.disk_full,
            ..ContainerOutcome::from_end(end, self.now())
        }
    }

    pub async fn read_log(&self, sequence: u64, wait: Duration) -> LogPage {
        let mut log = self.log.subscribe();
        let ready = |log: &InstanceLog| log.complete || log.lines.len() as u64 >= sequence.max(1);
        let _ = tokio::time::timeout(wait, log.wait_for(ready)).await;
        let log = self.log.borrow();
        let lines = log.lines.iter().filter(|line| line.sequence >= sequence).cloned().collect();
        LogPage { lines, next: log.lines.len() as u64 + 1, complete: log.complete }
    }

    pub fn set_probe_failure(&self, failure: Option<ProbeFailure>) {
        *lock_mutex(&self.probe_failure) = failure;
    }

    pub fn probe_failure(&self) -> Option<ProbeFailure> {
        *lock_mutex(&self.probe_failure)
    }

    fn is_open(&self, name: &str) -> bool {
        self.gates.borrow().contains(name)
    }

    /// The outcome of a probe. A serving script responds to `/NAME` with 200 while the gate NAME is open,
    /// else with 404.
    pub fn answer_probe(&self, check: &ProbeCheck) -> ProbeOutcome {
        let (port, path) = match check {
            ProbeCheck::Tcp { port } => (port, None),
            ProbeCheck::HttpGet { port, path, .. } => (port, Some(path)),
            ProbeCheck::Exec { .. } => return ProbeOutcome::NotSent,
        };
        if !lock_mutex(&self.ports).contains(port) {
            return ProbeOutcome::Failed(ProbeFailure::NoConnection);
        }
        match path {
            Some(path) if !self.is_open(path.trim_start_matches('/')) => {
                ProbeOutcome::Failed(ProbeFailure::Status { status: 404 })
            }
            _ => ProbeOutcome::Passed,
        }
    }

    /// Executes a process until it ends, or its end is forced.
    async fn run_process(
        &self,
        process: &Process,
        write: LineWriter<'_>,
        input: impl FnOnce() -> Vec<u8>,
    ) -> Termination {
        let mut forced = self.forced_end.subscribe();
        let steps = Script::from_process(process).unwrap_or(Script(vec![ScriptStep::Forever])).0;
        tokio::select! {
            biased;
            Ok(end) = forced.wait_for(Option::is_some) => end.clone().unwrap_or(Termination::Lost),
            end = self.run_steps(&steps, process, write, input) => end,
        }
    }

    async fn run_steps(
        &self,
        steps: &[ScriptStep],
        process: &Process,
        write: LineWriter<'_>,
        input: impl FnOnce() -> Vec<u8>,
    ) -> Termination {
        let mut input = Some(input);
        for step in steps {
            match step {
                ScriptStep::Out(text) => write(LogStream::Out, text),
                ScriptStep::Err(text) => write(LogStream::Err, text),
                ScriptStep::ShowEnv(name) => {
                    write(LogStream::Out, process.env.get(name).map_or("", |value| value.expose_secret()));
                }
                ScriptStep::Echo => {
                    let bytes = input.take().map(|input| input()).unwrap_or_default();
                    String::from_utf8_lossy(&bytes).lines().for_each(|line| write(LogStream::Out, line));
                }
                ScriptStep::Save(text) => {
                    lock_mutex(&self.homes).insert(self.workload.owner, text.clone());
                }
                ScriptStep::Show => {
                    let saved = lock_mutex(&self.homes).get(&self.workload.owner).cloned();
                    write(LogStream::Out, saved.as_deref().unwrap_or("nothing"));
                }
                ScriptStep::Await(name) => {
                    let _ = self.gates.subscribe().wait_for(|gates| gates.contains(name)).await;
                }
                ScriptStep::Open(name) => {
                    self.gates.send_modify(|gates| {
                        gates.insert(name.clone());
                    });
                }
                ScriptStep::Shut(name) => {
                    self.gates.send_modify(|gates| {
                        gates.remove(name);
                    });
                }
                ScriptStep::IsOpen(name) if !self.is_open(name) => return Termination::Exited { code: 1 },
                ScriptStep::IsOpen(_) => {}
                ScriptStep::Serve(port) => {
                    lock_mutex(&self.ports).insert(*port);
                }
                ScriptStep::Forever => {
                    let _ = self.stop_requested.subscribe().wait_for(|stop_requested| *stop_requested).await;
                    return Termination::Exited { code: 0 };
                }
                ScriptStep::Stubborn => std::future::pending().await,
                ScriptStep::Work { memory, cpu } => {
                    let mut used = lock_mutex(&self.usage);
                    used.cpu_micros += u64::from(*cpu) * 1000;
                    used.peak_memory = used.peak_memory.max(u64::from(*memory) << 20);
                }
                ScriptStep::Hoard => return Termination::OutOfMemory,
                ScriptStep::Fill(mib) => {
                    let written = Memory::from_mib(u64::from(*mib));
                    let full = written >= self.workload.limits.disk;
                    let mut used = lock_mutex(&self.usage);
                    (used.disk, used.disk_full) = (written.min(self.workload.limits.disk), full);
                    if full {
                        return Termination::Exited { code: 1 };
                    }
                }
                ScriptStep::Raise(signal) if *signal == SIGNAL_TERM => {
                    return Termination::Exited { code: 0 };
                }
                ScriptStep::Raise(signal) => return Termination::Killed { signal: *signal },
                ScriptStep::Exit(code) => return Termination::Exited { code: *code },
                ScriptStep::Missing => {
                    return Termination::NotStarted { reason: "program not found".to_owned() };
                }
            }
        }
        Termination::Exited { code: 0 }
    }
}

/// Executes an additional program: reads all of its input first, then runs its steps.
pub fn exec_script(container: &Arc<FakeInstance>, exec: ExecRequest) -> ExecSession {
    let (mut session, mut inputs, outputs) = ExecSession::new_with_channels();
    let container = Arc::clone(container);
    session.attach_task(async move {
        let echoes =
            Script::from_process(&exec.process).is_some_and(|script| script.0.contains(&ScriptStep::Echo));
        let mut bytes = Vec::new();
        while let Some(input) = if echoes { inputs.recv().await } else { None } {
            match input {
                ExecInput::Data(data) => bytes.extend(data),
                ExecInput::Resize(_) => {}
                ExecInput::Close => break,
            }
        }
        let (lines, mut written) = mpsc::unbounded_channel();
        let write = |stream: LogStream, text: &str| {
            let line = format!("{text}\n").into_bytes();
            let _ = lines.send(if stream == LogStream::Err {
                ExecOutput::Err(line)
            } else {
                ExecOutput::Out(line)
            });
        };
        let end = container.run_process(&exec.process, &write, || bytes).await;
        while let Ok(output) = written.try_recv() {
            let _ = outputs.send(output).await;
        }
        let _ = outputs.send(ExecOutput::Ended(end)).await;
    });
    session
}
