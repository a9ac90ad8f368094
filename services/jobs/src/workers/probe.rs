//! Finds out which containers are ready: nobody tells, so they are asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hearth_base::Result;
use hearth_kit::tasks::Stop;
use jiff::{SignedDuration, Timestamp};
use tokio::task::{AbortHandle, JoinSet};

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
/// The most that are asked at one time.
const AT_ONCE: usize = 128;
const MOST: u64 = 10_000;

/// What is remembered of a container between two looks.
#[derive(Default)]
struct Memory {
    asked: Option<Timestamp>,
    asking: Option<AbortHandle>,
    bad: u32,
}

/// What containers say of themselves, as it comes in: one that is slow to answer keeps no other waiting. Tasks of their
/// own, so that an answer is heard in time while this waits for the database.
type Asking = JoinSet<(Run, Health)>;

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut seen = cx.seen.subscribe();
    let mut memories: BTreeMap<String, Memory> = BTreeMap::new();
    let mut asking = Asking::new();
    while !stop.is_set() {
        seen.mark_unchanged();
        let pause = tried(look(&cx, &mut memories, &mut asking).await).unwrap_or(LOOK);
        let next = tokio::time::sleep(pause);
        tokio::pin!(next);
        loop {
            tokio::select! {
                // What was said comes first: news of other containers would crowd it out.
                biased;
                () = stop.wait() => return,
                Some(asked) = asking.join_next() => {
                    if let Ok((run, health)) = asked {
                        tried(answered(&cx, &mut memories, &run, health).await);
                    }
                }
                () = next.as_mut() => break,
                changed = seen.changed() => match changed {
                    Ok(()) => break,
                    // The sender lives as long as the service.
                    Err(_) => return,
                },
            }
        }
    }
}

fn tried<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| log(error, "containers cannot be asked whether they are ready")).ok()
}

/// Asks whom it is time to ask. How long to wait until the next look.
async fn look(cx: &Cx, memories: &mut BTreeMap<String, Memory>, asking: &mut Asking) -> Result<Duration> {
    let mut runs = cx.store.runs_running(MOST).await?;
    let ids: BTreeSet<String> = runs.iter().map(Run::id).collect();
    memories.retain(|id, _| ids.contains(id));
    // Whoever was never asked, then whoever was not for longest: those that never answer keep nobody out.
    runs.sort_by_cached_key(|run| memories.get(&run.id()).and_then(|memory| memory.asked));
    let mut soon = false;
    for run in runs {
        let memory = memories.entry(run.id()).or_default();
        let lately = memory.asked.is_some_and(|asked| cx.now().duration_since(asked) < LATER);
        let under_way = memory.asking.as_ref().is_some_and(|asking| !asking.is_finished());
        if under_way || run.ready && lately {
            soon |= !run.ready;
            continue;
        }
        let Some(Workload { plan, .. }) = cx.store.workload(run.instance.workload).await? else { continue };
        // Who listens, listens until it ends: only a health check is asked again.
        if !plan.is_probed() || run.ready && plan.health.is_none() {
            continue;
        }
        soon |= !run.ready;
        if asking.len() < AT_ONCE {
            memory.asked = Some(cx.now());
            let cx = cx.clone();
            memory.asking = Some(asking.spawn(async move {
                let health = health::ask(&cx, &run, &plan).await;
                (run, health)
            }));
        }
    }
    Ok(if soon { SOON } else { LOOK })
}

async fn answered(cx: &Cx, memories: &mut BTreeMap<String, Memory>, run: &Run, health: Health) -> Result<()> {
    // One that has ended meanwhile is remembered no more.
    let Some(memory) = memories.get_mut(&run.id()) else { return Ok(()) };
    memory.bad = if health.is_well() { 0 } else { memory.bad + 1 };
    if health.is_well() || !run.ready || memory.bad >= BAD {
        health::note(cx, run, health).await?;
    }
    Ok(())
}
