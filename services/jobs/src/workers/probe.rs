//! Finds out which containers are ready: nobody tells, so they are asked.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream};
use hearth_base::Result;
use hearth_kit::tasks::Stop;
use jiff::{SignedDuration, Timestamp};

use super::log;
use crate::{
    app::health::{self, Health},
    cx::Cx,
    store::{Run, Workload},
};

/// How often a container that is not ready is asked.
const SOON: Duration = Duration::from_millis(500);
/// How often one that is ready is asked.
const LATER: SignedDuration = SignedDuration::from_secs(10);
/// The longest wait without looking for containers again.
const LOOK: Duration = Duration::from_secs(10);
/// So many bad answers in a row, and one that was ready is not any more.
const BAD: u32 = 3;
const AT_ONCE: usize = 32;
const MOST: u64 = 10_000;

/// What is remembered of a container between two looks.
#[derive(Default)]
struct Memory {
    asked: Option<Timestamp>,
    bad: u32,
}

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut seen = cx.seen.subscribe();
    let mut memories: BTreeMap<String, Memory> = BTreeMap::new();
    while !stop.is_set() {
        seen.mark_unchanged();
        let pause = match stop.unless(turn(&cx, &mut memories)).await {
            None => return,
            Some(Ok(pause)) => pause,
            Some(Err(error)) => {
                log(&error, "containers cannot be asked whether they are ready");
                LOOK
            }
        };
        let _news_or_time = stop.unless(tokio::time::timeout(pause, seen.changed())).await;
    }
}

/// Asks whom it is time to ask. How long to wait until the next turn.
async fn turn(cx: &Cx, memories: &mut BTreeMap<String, Memory>) -> Result<Duration> {
    let runs = cx.store.runs_running(MOST).await?;
    memories.retain(|id, _| runs.iter().any(|run| run.id() == *id));
    let mut due: Vec<(Run, Workload)> = Vec::new();
    for run in runs {
        let asked = memories.get(&run.id()).and_then(|memory| memory.asked);
        if run.ready && asked.is_some_and(|asked| cx.now().duration_since(asked) < LATER) {
            continue;
        }
        let Some(workload) = cx.store.workload(run.instance.workload).await? else { continue };
        // Who listens, listens until it ends: only a health check is asked again.
        if workload.plan.is_probed() && (!run.ready || workload.plan.health.is_some()) {
            due.push((run, workload));
        }
    }
    let soon = due.iter().any(|(run, _)| !run.ready);
    let asked: Vec<(Run, Health)> = stream::iter(due)
        .map(|(run, workload)| async move {
            let health = health::ask(cx, &run, &workload.plan).await;
            (run, health)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (run, health) in asked {
        let memory = memories.entry(run.id()).or_default();
        memory.asked = Some(cx.now());
        memory.bad = if health.is_well() { 0 } else { memory.bad + 1 };
        if health.is_well() || !run.ready || memory.bad >= BAD {
            health::note(cx, &run, health).await?;
        }
    }
    Ok(if soon { SOON } else { LOOK })
}
