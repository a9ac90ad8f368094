//! Brings workloads to where they should be: leased work. Much is done at one time, and what is done by then is noted
//! together.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use hearth_base::Result;
use hearth_kit::{db::work::Claim, tasks::Stop};
use hearth_runtime_api::WorkloadId;
use tokio::task::JoinSet;

use super::{Backoff, log};
use crate::{
    app::{
        jobs::pin,
        workloads::reconcile::{self, Act, Next, Notes},
    },
    cx::Cx,
    store::{Store, Workload},
};

/// The most at one time.
const MOST: usize = 64;
/// The most that is noted in one change: others have to wait for its end.
const TOGETHER: usize = 16;
const IDLE: Duration = Duration::from_secs(3600);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let unpin = async |claim: Claim<()>| {
        if !pin::is_holder(&cx, &claim.key).await? {
            cx.neighbours.unpin(&claim.key).await?;
        }
        let tx = cx.store.begin_behind().await?;
        cx.store.work.finish(&tx, &claim).await?;
        tx.commit().await
    };
    let unpins = cx.store.work.each(&*cx.clock, &stop, Store::UNPIN, unpin);
    futures::future::join(workloads(&cx, &stop), unpins).await;
}

/// A step that was taken, and is to be noted.
struct Step {
    claim: Claim<()>,
    /// What was found; nothing, when it is there no more.
    workload: Option<Workload>,
    acted: Result<Act>,
}

async fn workloads(cx: &Cx, stop: &Stop) {
    let mut backoff = Backoff::up_to(Duration::from_secs(10));
    // Tasks of their own: they go on while this waits for the database.
    let mut acting = JoinSet::new();
    let mut steps = Vec::new();
    let mut due = true;
    // Not begun anew with each step that is noted.
    let wait = || cx.store.work.wait(&*cx.clock, Store::RECONCILE, IDLE);
    let mut news = pin!(wait());
    while !stop.is_set() {
        while steps.len() < TOGETHER
            && let Some(step) = acting.try_join_next()
        {
            steps.extend(step.ok().flatten());
        }
        note(cx, std::mem::take(&mut steps)).await;
        if due && acting.len() < MOST {
            match begin(cx, &mut acting).await {
                // With no room left, there may be more.
                Ok(()) => {
                    due = acting.len() == MOST;
                    news.set(wait());
                }
                Err(error) => {
                    log(&error, "work cannot be claimed");
                    backoff.wait(stop).await;
                    continue;
                }
            }
            backoff.reset();
        }
        tokio::select! {
            // Work that is due comes first: there may always be a step that is through.
            biased;
            () = stop.wait() => return,
            came = &mut news, if !due => match came {
                Ok(()) => due = true,
                Err(error) => {
                    log(&error, "work cannot be waited for");
                    backoff.wait(stop).await;
                    news.set(wait());
                }
            },
            Some(step) = acting.join_next() => steps.extend(step.ok().flatten()),
        }
    }
}

/// Begins steps for what is due, as much as there is room for.
async fn begin(cx: &Cx, acting: &mut JoinSet<Option<Step>>) -> Result<()> {
    let room = MOST - acting.len();
    let claims: Vec<Claim<()>> = cx.store.work.claim(Store::RECONCILE, room as u64, cx.now()).await?;
    let ids = claims.iter().filter_map(|claim| claim.key.parse().ok());
    let workloads = cx.store.workloads_by_id(ids).await?;
    let over = workloads.iter().filter(|workload| workload.done).map(|workload| workload.id);
    let mut untaken = cx.store.runs_untaken(over).await?;
    let mut workloads: BTreeMap<WorkloadId, Workload> =
        workloads.into_iter().map(|workload| (workload.id, workload)).collect();
    for claim in claims {
        let workload = claim.key.parse().ok().and_then(|id| workloads.remove(&id));
        let untaken = workload.as_ref().and_then(|workload| untaken.remove(&workload.id));
        acting.spawn(act(cx.clone(), claim, workload, untaken.unwrap_or_default()));
    }
    Ok(())
}

/// Takes a step while its lease is kept alive; gives up when that is lost.
async fn act(cx: Cx, claim: Claim<()>, workload: Option<Workload>, untaken: Vec<String>) -> Option<Step> {
    let acted = async {
        match &workload {
            Some(workload) => reconcile::act(&cx, workload, untaken).await,
            None => Ok(Act::Nothing),
        }
    };
    let acted = tokio::select! {
        acted = acted => acted,
        lost = cx.store.work.hold(&claim, &*cx.clock) => {
            log(&lost, "work is tried again");
            return None;
        }
    };
    Some(Step { claim, workload, acted })
}

/// Notes steps together, or, when that cannot be, each by itself: one that is refused is no hindrance to others.
async fn note(cx: &Cx, mut steps: Vec<Step>) {
    steps.sort_by_key(|step| step.workload.as_ref().map(|workload| workload.id));
    let noted = together(cx, &steps).await;
    if noted.is_ok() {
        return;
    }
    for step in &steps {
        if let Err(error) = together(cx, std::slice::from_ref(step)).await {
            log(&error, "work is tried again");
        }
    }
}

async fn together(cx: &Cx, steps: &[Step]) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let tx = cx.store.begin_behind().await?;
    let workloads = || steps.iter().filter_map(|step| step.workload.as_ref());
    let mut notes = Notes::of(cx, &tx, workloads()).await?;
    let mut finished = Vec::new();
    for Step { claim, workload, acted } in steps {
        let next = match workload {
            Some(workload) => notes.note(workload, acted).await?,
            None => Next::Rest,
        };
        match next {
            // Asked for again meanwhile, it is there to be claimed.
            Next::Rest => finished.push(claim),
            Next::At(due) => cx.store.work.again(&tx, claim, due).await?,
        }
    }
    notes.write().await?;
    cx.store.work.finish_all(&tx, finished).await?;
    tx.commit().await?;
    cx.wake_watchers(workloads().map(|workload| workload.id));
    Ok(())
}
