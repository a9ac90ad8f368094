//! Reads the logs of containers with [`LogPump`], hands their lines to `logs`, and records positions in
//! batches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use hearth_base::{Error, Result, ToolId};
use hearth_kit::{backoff::Backoff, log_error, tasks::ShutdownSignal};
use hearth_runtime_api::LogPage;
use hearth_runtime_controller::{LineJoiner, LinePace, LogPump, LogSink};
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
    time::{Instant, MissedTickBehavior},
};

use super::FIRST_PAUSE;
use crate::{
    app::runs::events::{self, RunOwner},
    context::JobsContext,
    store::{LogTail, Run},
};

/// Maximum number of containers whose logs are read at a time.
const MAX_LOG_PUMPS: usize = 1024;
/// Maximum number of pages whose positions one transaction records: other transactions wait for its locks.
const MAX_PAGES_PER_TRANSACTION: usize = 16;
/// Time between two searches for runs whose start was not announced to this process.
const LOG_SCAN_INTERVAL: Duration = Duration::from_secs(30);

/// Runs until the process stops.
pub async fn run(cx: JobsContext, stop: ShutdownSignal) {
    let (positions, received) = mpsc::channel(MAX_PAGES_PER_TRANSACTION);
    futures::future::join(run_log_pumps(&cx, &stop, positions), record_positions(&cx, &stop, received)).await;
}

async fn run_log_pumps(cx: &JobsContext, stop: &ShutdownSignal, positions: Sender<LogPosition>) {
    let mut started_runs = cx.runs_with_logs.subscribe();
    let mut pumps = LogPumps {
        cx,
        stop,
        positions,
        pumped_runs: BTreeSet::new(),
        paces: BTreeMap::new(),
        running: JoinSet::new(),
    };
    let mut needs_scan = false;
    let mut scan_timer = tokio::time::interval(LOG_SCAN_INTERVAL);
    scan_timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_set() {
        if std::mem::take(&mut needs_scan) {
            pumps.start_pumps(cx.store.list_runs_with_open_logs(MAX_LOG_PUMPS as u64).await);
        }
        tokio::select! {
            () = stop.wait() => return,
            first = started_runs.recv() => {
                let (announced, missed) = drain_announcements(first, &mut started_runs);
                needs_scan = missed;
                // Their current rows: another process may have stored more of their logs meanwhile.
                pumps.start_pumps(cx.store.find_runs_by_id(announced).await);
            }
            Some(Ok(run)) = pumps.running.join_next() => {
                // At the limit, further runs were left out: search for them now.
                needs_scan = pumps.pumped_runs.len() >= MAX_LOG_PUMPS;
                pumps.pumped_runs.remove(&run);
                pumps.drop_unused_paces();
            }
            _ = scan_timer.tick() => needs_scan = true,
        }
    }
}

/// Returns the ids of all runs announced so far, and whether announcements were lost.
fn drain_announcements(
    first: Result<String, RecvError>,
    started_runs: &mut broadcast::Receiver<String>,
) -> (Vec<String>, bool) {
    let mut missed = first.is_err();
    let mut announced: Vec<String> = first.into_iter().collect();
    loop {
        match started_runs.try_recv() {
            Ok(run) => announced.push(run),
            // `Closed` cannot occur while the context, which owns the sender, exists.
            Err(TryRecvError::Empty | TryRecvError::Closed) => return (announced, missed),
            Err(TryRecvError::Lagged(_)) => missed = true,
        }
    }
}

/// Tasks that each read the log of one container.
struct LogPumps<'a> {
    cx: &'a JobsContext,
    stop: &'a ShutdownSignal,
    positions: Sender<LogPosition>,
    /// Ids of the runs whose logs are being read.
    pumped_runs: BTreeSet<String>,
    /// Rates of lines, for each tool.
    paces: BTreeMap<ToolId, Arc<LinePace>>,
    running: JoinSet<String>,
}

impl LogPumps<'_> {
    /// Starts to read the logs of runs that are not read yet, up to [`MAX_LOG_PUMPS`].
    fn start_pumps(&mut self, runs: Result<Vec<Run>>) {
        let runs = runs.unwrap_or_else(|error| {
            log_error!(&error, "runs with open logs not read; will retry");
            Vec::new()
        });
        for run in runs.into_iter().filter(|run| !run.log_done) {
            if self.pumped_runs.len() < MAX_LOG_PUMPS && self.pumped_runs.insert(run.id()) {
                let Self { cx, stop, positions, .. } = self;
                let pace = Arc::clone(self.paces.entry(run.tool).or_default());
                self.running.spawn(pump_log((*cx).clone(), run, positions.clone(), (*stop).clone(), pace));
            }
        }
    }

    /// Drops the rates of tools without a pump. A rate that is in effect stays: new runs do not reset it.
    fn drop_unused_paces(&mut self) {
        let now = Instant::now();
        self.paces.retain(|_, pace| Arc::strong_count(pace) > 1 || !pace.is_unused(now));
    }
}

/// Reads one container's log to its end, and returns the run's id.
async fn pump_log(
    cx: JobsContext,
    run: Run,
    positions: Sender<LogPosition>,
    stop: ShutdownSignal,
    pace: Arc<LinePace>,
) -> String {
    let id = run.id();
    let mut pump = LogPump::new(&*cx.runtime, run.instance, run.log_next).with_pace(pace);
    let mut log = RunLog {
        cx: &cx,
        tail: run.tail.clone(),
        joiner: LineJoiner::default(),
        run: &run,
        positions: &positions,
    };
    let mut backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(30));
    loop {
        let before = pump.next();
        match stop.run_until_shutdown(pump.run(&mut log)).await {
            None | Some(Ok(())) => return id,
            Some(Err(error)) => {
                tracing::debug!(run = id, %error, "log not read; will retry");
                if pump.next() > before {
                    backoff.reset_pause();
                }
                if backoff.pause(&stop).await {
                    return id;
                }
            }
        }
    }
}

/// Sends the lines of a run to `logs`, and records the position and the last lines in the run's row.
struct RunLog<'a> {
    cx: &'a JobsContext,
    run: &'a Run,
    tail: LogTail,
    joiner: LineJoiner,
    positions: &'a Sender<LogPosition>,
}

#[async_trait]
impl LogSink for RunLog<'_> {
    async fn store_page(&mut self, page: LogPage) -> Result<()> {
        let (next, complete) = (page.next, page.complete);
        let (mut tail, mut joiner) = (self.tail.clone(), self.joiner.clone());
        page.lines
            .iter()
            .filter_map(|line| joiner.join_line(line))
            .for_each(|line| tail.append_lines(std::iter::once(&*line)));
        self.cx.peers.append_log_page(self.run, page).await?;
        let (recorded, confirmation) = oneshot::channel();
        let position = LogPosition { run: self.run.clone(), next, complete, tail: tail.clone(), recorded };
        self.positions.send(position).await.map_err(Error::internal)?;
        confirmation.await.map_err(Error::internal)?;
        (self.tail, self.joiner) = (tail, joiner);
        Ok(())
    }

    async fn has_container_ended(&mut self) -> Result<bool> {
        has_ended_or_is_deleted(self.cx, self.run).await
    }
}

/// Returns whether a run has ended or was deleted.
async fn has_ended_or_is_deleted(cx: &JobsContext, run: &Run) -> Result<bool> {
    Ok(cx.store.find_run(&run.id()).await?.is_none_or(|now| now.has_ended()))
}

/// The position in a log up to which lines are stored in `logs`.
struct LogPosition {
    run: Run,
    /// Sequence number of the next line.
    next: u64,
    /// True if the log is complete.
    complete: bool,
    tail: LogTail,
    /// Gets a message when the position is recorded; dropped if that failed.
    recorded: oneshot::Sender<()>,
}

/// Records positions in batches of those that have arrived.
async fn record_positions(cx: &JobsContext, stop: &ShutdownSignal, mut received: Receiver<LogPosition>) {
    let mut positions = Vec::new();
    while stop
        .run_until_shutdown(received.recv_many(&mut positions, MAX_PAGES_PER_TRANSACTION))
        .await
        .is_some_and(|count| count > 0)
    {
        positions.sort_by_key(|position| position.run.instance);
        let is_batch_recorded = record_batch(cx, &positions).await.is_ok();
        for position in positions.drain(..) {
            // If a batch fails, each position is recorded alone, so that one invalid position does not block
            // others.
            let result = if is_batch_recorded {
                Ok(())
            } else {
                record_batch(cx, std::slice::from_ref(&position)).await
            };
            match result {
                Ok(()) => {
                    let _pump_has_stopped = position.recorded.send(());
                }
                Err(error) => log_error!(&error, "position in a log not recorded"),
            }
        }
    }
}

/// Records a batch of positions, in order of their runs, in one transaction.
async fn record_batch(cx: &JobsContext, positions: &[LogPosition]) -> Result<()> {
    let complete = || positions.iter().filter(|position| position.complete).map(|position| &position.run);
    let tx = cx.store.begin_background().await?;
    let names = cx.store.lock_tool_names(&tx, positions.iter().map(|position| position.run.tool)).await?;
    let jobs = cx.store.find_jobs_by_id_in(&tx, complete().map(|run| run.job)).await?;
    let known = cx.store.find_runs_by_id_in(&tx, complete().map(Run::id)).await?;
    let (mut updated, mut announced) = (Vec::new(), Vec::new());
    for LogPosition { run, next, complete, tail, .. } in positions {
        let before = known.get(&run.id());
        let now =
            Run { log_next: *next, log_done: *complete, tail: tail.clone(), ..before.unwrap_or(run).clone() };
        let owner = RunOwner { name: names.get(&run.tool), job: jobs.get(&run.job) };
        announced
            .extend(before.into_iter().flat_map(|before| events::build_change_events(owner, before, &now)));
        updated.push(now);
    }
    cx.store.update_log_positions(&tx, &updated).await?;
    events::append_events(cx, &tx, announced).await?;
    cx.store.enqueue_reconciles(&tx, complete().map(|run| (run.instance.workload, cx.now()))).await?;
    JobsContext::wake_run_watchers(&tx, complete().map(|run| run.tool));
    tx.commit().await
}
