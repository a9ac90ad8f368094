//! Reads the logs of containers with [`LogPump`], hands their lines to `logs`, and records positions in batches.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use hearth_base::{Error, Result};
use hearth_kit::{backoff::Backoff, log_error, tasks::Stop};
use hearth_runtime_api::LogPage;
use hearth_runtime_controller::{LogPump, LogSink};
use tokio::{
    sync::{
        broadcast::{
            self,
            error::{RecvError, TryRecvError},
        },
        mpsc::{self, Receiver, Sender},
        oneshot,
    },
    task::JoinSet,
    time::MissedTickBehavior,
};

use super::FIRST_PAUSE;
use crate::{
    app::runs::events::{self, RunOwner},
    cx::Cx,
    store::{Run, Tail},
};

/// The most containers whose logs are read at one time.
const MAX_LOG_PUMPS: usize = 1024;
/// The most pages whose positions one transaction records: other transactions wait for its locks.
const MAX_PAGES_PER_TRANSACTION: usize = 16;
/// The time between two searches for runs whose start was not announced to this process.
const LOG_SCAN_INTERVAL: Duration = Duration::from_secs(30);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let (parts, noting) = mpsc::channel(MAX_PAGES_PER_TRANSACTION);
    futures::future::join(take_all(&cx, &stop, parts), note_all(&cx, &stop, noting)).await;
}

async fn take_all(cx: &Cx, stop: &Stop, parts: Sender<Part>) {
    let mut begun = cx.begun.subscribe();
    let mut takers = Takers { cx, stop, parts, taken: BTreeSet::new(), running: JoinSet::new() };
    let mut look = false;
    let mut again = tokio::time::interval(LOG_SCAN_INTERVAL);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_set() {
        if std::mem::take(&mut look) {
            takers.begin(cx.store.runs_with_logs(MAX_LOG_PUMPS as u64).await);
        }
        tokio::select! {
            () = stop.wait() => return,
            news = begun.recv() => {
                let (told, missed) = told(news, &mut begun);
                look = missed;
                // As they are now: who told of them may have known less.
                takers.begin(cx.store.runs_by_id(told).await);
            }
            Some(Ok(run)) = takers.running.join_next() => {
                // There may be some that found no room.
                look = takers.taken.len() >= MAX_LOG_PUMPS;
                takers.taken.remove(&run);
            }
            _ = again.tick() => look = true,
        }
    }
}

/// The ids of all runs that were told of by now, and whether some were missed.
fn told(first: Result<String, RecvError>, begun: &mut broadcast::Receiver<String>) -> (Vec<String>, bool) {
    let mut missed = first.is_err();
    let mut told: Vec<String> = first.into_iter().collect();
    loop {
        match begun.try_recv() {
            Ok(run) => told.push(run),
            // The sender lives as long as the service.
            Err(TryRecvError::Empty | TryRecvError::Closed) => return (told, missed),
            Err(TryRecvError::Lagged(_)) => missed = true,
        }
    }
}

/// Those who take logs, each one container's.
struct Takers<'a> {
    cx: &'a Cx,
    stop: &'a Stop,
    parts: Sender<Part>,
    /// The ids of the runs whose logs are being read.
    taken: BTreeSet<String>,
    running: JoinSet<String>,
}

impl Takers<'_> {
    /// Begins to take the logs of those whose are not taken yet, as long as there is room.
    fn begin(&mut self, runs: Result<Vec<Run>>) {
        let runs = runs.unwrap_or_else(|error| {
            log_error!(&error, "runs with wanted logs not read; will retry");
            Vec::new()
        });
        for run in runs.into_iter().filter(|run| !run.log_done) {
            if self.taken.len() < MAX_LOG_PUMPS && self.taken.insert(run.id()) {
                let Self { cx, stop, parts, .. } = self;
                self.running.spawn(take((*cx).clone(), run, parts.clone(), (*stop).clone()));
            }
        }
    }
}

/// Takes one container's log to its end; gives the run's id back.
async fn take(cx: Cx, run: Run, parts: Sender<Part>, stop: Stop) -> String {
    let id = run.id();
    let mut pump = LogPump::new(&*cx.runtime, run.instance, run.log_next);
    let mut log = RunLog { cx: &cx, tail: run.tail.clone(), run: &run, parts: &parts };
    let mut backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(30));
    loop {
        let before = pump.next();
        match stop.unless(pump.run(&mut log)).await {
            None | Some(Ok(())) => return id,
            Some(Err(error)) => {
                tracing::debug!(run = id, %error, "log not read; will retry");
                if pump.next() > before {
                    backoff.reset();
                }
                if backoff.pause(&stop).await {
                    return id;
                }
            }
        }
    }
}

/// Hands the lines of a run to `logs`, and notes the last of them and how far it is in the run's row.
struct RunLog<'a> {
    cx: &'a Cx,
    run: &'a Run,
    tail: Tail,
    parts: &'a Sender<Part>,
}

#[async_trait]
impl LogSink for RunLog<'_> {
    async fn store_page(&mut self, page: LogPage) -> Result<()> {
        let (next, complete) = (page.next, page.complete);
        let mut tail = self.tail.clone();
        tail.push(page.lines.iter().map(|line| line.text.as_str()));
        self.cx.neighbours.log_append(self.run, page).await?;
        let (kept, noted) = oneshot::channel();
        let part = Part { run: self.run.clone(), next, complete, tail: tail.clone(), kept };
        self.parts.send(part).await.map_err(Error::internal)?;
        noted.await.map_err(Error::internal)?;
        self.tail = tail;
        Ok(())
    }

    async fn is_over(&mut self) -> Result<bool> {
        is_past(self.cx, self.run).await
    }
}

/// Whether a container is over, or was forgotten with its tool.
async fn is_past(cx: &Cx, run: &Run) -> Result<bool> {
    Ok(cx.store.run(&run.id()).await?.is_none_or(|now| now.is_over()))
}

/// A part of a log that has been handed over.
struct Part {
    run: Run,
    /// Where it goes on.
    next: u64,
    /// Nothing comes any more.
    complete: bool,
    tail: Tail,
    /// To be told when that is noted; dropped when it could not be.
    kept: oneshot::Sender<()>,
}

/// Notes how far logs have been taken, those together that there are.
async fn note_all(cx: &Cx, stop: &Stop, mut noting: Receiver<Part>) {
    let mut parts = Vec::new();
    while stop
        .unless(noting.recv_many(&mut parts, MAX_PAGES_PER_TRANSACTION))
        .await
        .is_some_and(|count| count > 0)
    {
        parts.sort_by_key(|part| part.run.instance);
        let together = note(cx, &parts).await.is_ok();
        for part in parts.drain(..) {
            // One that is refused is no hindrance to others.
            let noted = if together { Ok(()) } else { note(cx, std::slice::from_ref(&part)).await };
            match noted {
                Ok(()) => {
                    let _ended_meanwhile = part.kept.send(());
                }
                Err(error) => log_error!(&error, "position in a log not recorded"),
            }
        }
    }
}

/// Notes parts, in the order of their runs.
async fn note(cx: &Cx, parts: &[Part]) -> Result<()> {
    let complete = || parts.iter().filter(|part| part.complete).map(|part| &part.run);
    let tx = cx.store.begin_behind().await?;
    let names = cx.store.tools_locked(&tx, parts.iter().map(|part| part.run.tool)).await?;
    let jobs = cx.store.jobs_by_id_in(&tx, complete().map(|run| run.job)).await?;
    let known = cx.store.runs_by_id_in(&tx, complete().map(Run::id)).await?;
    let (mut taken, mut announced) = (Vec::new(), Vec::new());
    for Part { run, next, complete, tail, .. } in parts {
        let before = known.get(&run.id());
        let now =
            Run { log_next: *next, log_done: *complete, tail: tail.clone(), ..before.unwrap_or(run).clone() };
        let of = RunOwner { name: names.get(&run.tool), job: jobs.get(&run.job) };
        announced.extend(before.into_iter().flat_map(|before| events::events_of_change(of, before, &now)));
        taken.push(now);
    }
    cx.store.logs_taken(&tx, &taken).await?;
    events::append_events(cx, &tx, announced).await?;
    cx.store.ask_all(&tx, complete().map(|run| (run.instance.workload, cx.now()))).await?;
    Cx::wake_run_watchers(&tx, complete().map(|run| run.tool));
    tx.commit().await
}
