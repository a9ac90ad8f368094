//! One instance of the fake: its log, its gates, and the script that is played in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use hearth_base::{Clock, Memory};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::{
    End, Exec, ExecInput, ExecOutput, ExecSession, LogLine, LogPage, Outcome, Owner, ProbeCheck,
    ProbeFailure, ProbeOutcome, Process, Stream, Workload,
};

use super::{
    locked,
    script::{Script, Step},
};

const TERM: i32 = 15;
const KILL: i32 = 9;

/// Where one instance is played.
pub struct Stage {
    workload: Arc<Workload>,
    homes: Arc<Mutex<BTreeMap<Owner, String>>>,
    clock: Arc<dyn Clock>,
    log: watch::Sender<Log>,
    gates: watch::Sender<BTreeSet<String>>,
    /// The ports at which its script listens.
    ports: Mutex<BTreeSet<u16>>,
    /// It has been asked to stop.
    asked: watch::Sender<bool>,
    /// How it ended by force.
    forced: watch::Sender<Option<End>>,
    used: Mutex<Used>,
}

/// What a container has used, by its script.
struct Used {
    cpu_micros: u64,
    peak_memory: u64,
    disk: Memory,
    disk_full: bool,
}

impl Default for Used {
    /// As much as any program.
    fn default() -> Self {
        Self { cpu_micros: 1000, peak_memory: 1 << 20, disk: Memory::bytes(16 << 10), disk_full: false }
    }
}

#[derive(Default)]
struct Log {
    lines: Vec<LogLine>,
    complete: bool,
}

/// Where a script's output goes.
type Writer<'a> = &'a (dyn Fn(Stream, &str) + Send + Sync);

impl Stage {
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
            asked: watch::Sender::default(),
            forced: watch::Sender::default(),
            used: Mutex::default(),
        })
    }

    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn write(&self, stream: Stream, text: &str) {
        let time = self.now();
        self.log.send_modify(|log| {
            let sequence = log.lines.len() as u64 + 1;
            log.lines.push(LogLine { sequence, time, stream, partial: false, text: text.to_owned() });
        });
    }

    pub fn written(&self) -> u64 {
        locked(&self.used).disk.get()
    }

    pub fn end(&self, end: End) {
        self.forced.send_if_modified(|forced| {
            let first = forced.is_none();
            forced.get_or_insert(end);
            first
        });
    }

    pub async fn stop(&self, grace: Duration) {
        self.asked.send_replace(true);
        let mut log = self.log.subscribe();
        if tokio::time::timeout(grace, log.wait_for(|log| log.complete)).await.is_err() {
            self.end(End::Killed { signal: KILL });
        }
    }

    pub async fn play(&self) -> Outcome {
        let started = self.now();
        let write = |stream: Stream, text: &str| self.write(stream, text);
        let limit = self.workload.time_limit().unwrap_or(Duration::MAX);
        let played = self.script(&self.workload.process, &write, Vec::new);
        let end = tokio::time::timeout(limit, played).await.unwrap_or(End::TimedOut);
        self.log.send_modify(|log| log.complete = true);
        let used = locked(&self.used);
        Outcome {
            started: (!matches!(end, End::NotStarted { .. })).then_some(started),
            stopped: *self.asked.borrow(),
            cpu_micros: used.cpu_micros,
            peak_memory: used.peak_memory,
            disk_full: used.disk_full,
            ..Outcome::bare(end, self.now())
        }
    }

    pub async fn log(&self, sequence: u64, wait: Duration) -> LogPage {
        let mut log = self.log.subscribe();
        let ready = |log: &Log| log.complete || log.lines.len() as u64 >= sequence.max(1);
        let _ = tokio::time::timeout(wait, log.wait_for(ready)).await;
        let log = self.log.borrow();
        let lines = log.lines.iter().filter(|line| line.sequence >= sequence).cloned().collect();
        LogPage { lines, next: log.lines.len() as u64 + 1, complete: log.complete }
    }

    fn is_open(&self, name: &str) -> bool {
        self.gates.borrow().contains(name)
    }

    /// The outcome of a probe: a script that serves answers `/NAME` with 200 while the gate NAME is open, else 404.
    pub fn answer_probe(&self, check: &ProbeCheck) -> ProbeOutcome {
        let (port, path) = match check {
            ProbeCheck::Tcp { port } => (port, None),
            ProbeCheck::HttpGet { port, path, .. } => (port, Some(path)),
            ProbeCheck::Exec { .. } => return ProbeOutcome::NotSent,
        };
        if !locked(&self.ports).contains(port) {
            return ProbeOutcome::Failed(ProbeFailure::NoConnection);
        }
        match path {
            Some(path) if !self.is_open(path.trim_start_matches('/')) => {
                ProbeOutcome::Failed(ProbeFailure::Status { status: 404 })
            }
            _ => ProbeOutcome::Passed,
        }
    }

    /// Plays a process until it ends by itself or by force.
    async fn script(&self, process: &Process, write: Writer<'_>, input: impl FnOnce() -> Vec<u8>) -> End {
        let mut forced = self.forced.subscribe();
        let steps = Script::of(process).unwrap_or(Script(vec![Step::Forever])).0;
        tokio::select! {
            biased;
            Ok(end) = forced.wait_for(Option::is_some) => end.clone().unwrap_or(End::Lost),
            end = self.steps(&steps, process, write, input) => end,
        }
    }

    async fn steps(
        &self,
        steps: &[Step],
        process: &Process,
        write: Writer<'_>,
        input: impl FnOnce() -> Vec<u8>,
    ) -> End {
        let mut input = Some(input);
        for step in steps {
            match step {
                Step::Out(text) => write(Stream::Out, text),
                Step::Err(text) => write(Stream::Err, text),
                Step::ShowEnv(name) => {
                    write(Stream::Out, process.env.get(name).map_or("", |value| value.reveal()));
                }
                Step::Echo => {
                    let bytes = input.take().map(|input| input()).unwrap_or_default();
                    String::from_utf8_lossy(&bytes).lines().for_each(|line| write(Stream::Out, line));
                }
                Step::Save(text) => {
                    locked(&self.homes).insert(self.workload.owner, text.clone());
                }
                Step::Show => {
                    let saved = locked(&self.homes).get(&self.workload.owner).cloned();
                    write(Stream::Out, saved.as_deref().unwrap_or("nothing"));
                }
                Step::Await(name) => {
                    let _ = self.gates.subscribe().wait_for(|gates| gates.contains(name)).await;
                }
                Step::Open(name) => {
                    self.gates.send_modify(|gates| {
                        gates.insert(name.clone());
                    });
                }
                Step::Shut(name) => {
                    self.gates.send_modify(|gates| {
                        gates.remove(name);
                    });
                }
                Step::IsOpen(name) if !self.is_open(name) => return End::Exited { code: 1 },
                Step::IsOpen(_) => {}
                Step::Serve(port) => {
                    locked(&self.ports).insert(*port);
                }
                Step::Forever => {
                    let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
                    return End::Exited { code: 0 };
                }
                Step::Stubborn => std::future::pending().await,
                Step::Work { memory, cpu } => {
                    let mut used = locked(&self.used);
                    used.cpu_micros += u64::from(*cpu) * 1000;
                    used.peak_memory = used.peak_memory.max(u64::from(*memory) << 20);
                }
                Step::Hoard => return End::OutOfMemory,
                Step::Fill(mib) => {
                    let written = Memory::mib(u64::from(*mib));
                    let full = written >= self.workload.limits.disk;
                    let mut used = locked(&self.used);
                    (used.disk, used.disk_full) = (written.min(self.workload.limits.disk), full);
                    if full {
                        return End::Exited { code: 1 };
                    }
                }
                Step::Raise(signal) if *signal == TERM => return End::Exited { code: 0 },
                Step::Raise(signal) => return End::Killed { signal: *signal },
                Step::Exit(code) => return End::Exited { code: *code },
                Step::Missing => {
                    return End::NotStarted { reason: "there is no such program".to_owned() };
                }
            }
        }
        End::Exited { code: 0 }
    }
}

/// Plays a second program: first all of its input, then its steps.
pub fn exec(stage: &Arc<Stage>, exec: Exec) -> ExecSession {
    let (mut session, mut inputs, outputs) = ExecSession::pair();
    let stage = Arc::clone(stage);
    session.carried_by(async move {
        let echoes = Script::of(&exec.process).is_some_and(|script| script.0.contains(&Step::Echo));
        let mut bytes = Vec::new();
        while let Some(input) = if echoes { inputs.recv().await } else { None } {
            match input {
                ExecInput::Data(data) => bytes.extend(data),
                ExecInput::Resize(_) => {}
                ExecInput::Close => break,
            }
        }
        let (lines, mut written) = mpsc::unbounded_channel();
        let write = |stream: Stream, text: &str| {
            let line = format!("{text}\n").into_bytes();
            let _ =
                lines.send(if stream == Stream::Err { ExecOutput::Err(line) } else { ExecOutput::Out(line) });
        };
        let end = stage.script(&exec.process, &write, || bytes).await;
        while let Ok(output) = written.try_recv() {
            let _ = outputs.send(output).await;
        }
        let _ = outputs.send(ExecOutput::Ended(end)).await;
    });
    session
}
