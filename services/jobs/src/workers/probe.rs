//! Finds out which containers are ready: nobody tells, so they are asked.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
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
/// The most that are asked at one time.
const AT_ONCE: usize = 128;
const MOST: u64 = 10_000;

/// What is remembered of a container between two looks.
#[derive(Default)]
struct Memory {
    asked: Option<Timestamp>,
    under_way: bool,
    bad: u32,
}

/// What containers say of themselves, as it comes in: one that is slow to answer keeps no other waiting.
type Asking = FuturesUnordered<BoxFuture<'static, (Run, Health)>>;

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
                () = stop.wait() => return,
                () = next.as_mut() => break,
                changed = seen.changed() => match changed {
                    Ok(()) => break,
                    // The sender lives as long as the service.
                    Err(_) => return,
                },
                Some((run, health)) = asking.next() => {
                    tried(answered(&cx, &mut memories, &run, health).await);
                }
            }
        }
    }
}

fn tried<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| log(error, "containers cannot be asked whether they are ready")).ok()
}

/// Asks whom it is time to ask. How long to wait until the next look.
async fn look(cx: &Cx, memories: &mut BTreeMap<String, Memory>, asking: &mut Asking) -> Result<Duration> {
    let runs = cx.store.runs_running(MOST).await?;
    memories.retain(|id, _| runs.iter().any(|run| run.id() == *id));
    let mut soon = false;
    for run in runs {
        let memory = memories.entry(run.id()).or_default();
        let lately = memory.asked.is_some_and(|asked| cx.now().duration_since(asked) < LATER);
        if memory.under_way || run.ready && lately {
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
            memory.under_way = true;
            let cx = cx.clone();
            asking.push(Box::pin(async move {
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
    memory.asked = Some(cx.now());
    memory.under_way = false;
    memory.bad = if health.is_well() { 0 } else { memory.bad + 1 };
    if health.is_well() || !run.ready || memory.bad >= BAD {
        health::note(cx, run, health).await?;
    }
    Ok(())
}
