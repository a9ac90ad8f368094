//! Finds out how containers are: nobody tells, so they are asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hearth_base::Result;
use hearth_kit::tasks::Stop;
use hearth_wire::jobs::HealthCheck;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use super::log;
use crate::{
    app::health::{self, Found, News},
    cx::Cx,
    store::{Asked, Plan, Run, kept_topic},
};

/// How often a container that has not started is asked.
const SOON: Duration = Duration::from_millis(500);
/// How often one that has started is asked when nobody says how often.
const LATER: Duration = Duration::from_secs(10);
/// So many bad answers in a row count when nobody says how many.
const BAD: u8 = 3;
/// The longest wait without looking for containers again.
const LOOK: Duration = Duration::from_secs(10);
/// The most that are asked at one time.
const AT_ONCE: usize = 128;
const MOST: u64 = 10_000;

/// What an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Whether it has started.
    Start,
    /// Whether visitors are sent to it.
    Ready,
    /// Whether it goes on.
    Live,
    /// Both of these.
    Both,
}

/// One question to a container, and what is remembered of its answers.
struct Probe {
    purpose: Purpose,
    due: Instant,
    bad: u8,
    asking: Option<AbortHandle>,
}

/// A container that is asked.
struct Watched {
    run: Run,
    plan: Arc<Plan>,
    probes: Vec<Probe>,
}

/// What containers say of themselves, as it comes in: one that is slow to answer keeps no other waiting. Tasks of their
/// own, so that an answer is heard in time while this waits for the database.
type Asking = JoinSet<(String, Purpose, Result<Found>)>;

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut listener = cx.store.listen([kept_topic()]);
    let mut watched = BTreeMap::new();
    let mut asking = Asking::new();
    while !stop.is_set() {
        tried(look(&cx, &mut watched).await);
        let again = Instant::now() + LOOK;
        loop {
            let next = ask(&cx, &mut watched, &mut asking).unwrap_or(again).min(again);
            tokio::select! {
                // What was said comes first: news of other containers would crowd it out.
                biased;
                () = stop.wait() => return,
                Some(asked) = asking.join_next() => {
                    // Whom nobody could ask has not answered badly.
                    if let Ok((id, purpose, found)) = asked && let Some(found) = tried(found) {
                        tried(answered(&cx, &mut watched, &id, purpose, found).await);
                    }
                }
                () = tokio::time::sleep_until(next) => if next == again { break },
                true = listener.wait_until(again) => break,
            }
        }
    }
}

fn tried<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| log(error, "containers cannot be asked how they are")).ok()
}

/// Looks which containers are to be asked, and what.
async fn look(cx: &Cx, watched: &mut BTreeMap<String, Watched>) -> Result<()> {
    let workloads = cx.store.sets_running().await?;
    let plans: BTreeMap<_, _> = workloads
        .into_iter()
        .map(|workload| (workload.id, (workload.generation, Arc::new(workload.plan))))
        .collect();
    let runs = cx.store.sets_runs_running(MOST).await?;
    let mut known = BTreeSet::new();
    for run in runs.into_iter().filter(|run| run.doomed.is_none()) {
        let Some((generation, plan)) = plans.get(&run.instance.workload) else { continue };
        // What is replaced is asked as it was said of it, not as of what replaces it; if nobody remembers, it is left
        // as it is.
        let plan = match watched.get(&run.id()) {
            _ if run.generation >= *generation => Arc::clone(plan),
            Some(former) => Arc::clone(&former.plan),
            None => continue,
        };
        let purposes = purposes(&run, &plan);
        if purposes.is_empty() {
            continue;
        }
        let id = run.id();
        known.insert(id.clone());
        let fresh = |purpose| Probe { purpose, due: Instant::now(), bad: 0, asking: None };
        match watched.get_mut(&id) {
            Some(watched) if watched.is_asked(&purposes, &plan) => watched.run = run,
            _ => {
                let probes = purposes.into_iter().map(fresh).collect();
                watched.insert(id, Watched { run, plan, probes });
            }
        }
    }
    watched.retain(|id, _| known.contains(id));
    Ok(())
}

/// What a container is to be asked now.
fn purposes(run: &Run, plan: &Plan) -> Vec<Purpose> {
    let started = run.up.is_some();
    match (plan.readiness(), plan.liveness()) {
        _ if !started => plan.startup().map(|_| Purpose::Start).into_iter().collect(),
        (Some(ready), Some(live)) if ready == live => vec![Purpose::Both],
        (ready, live) => {
            let ready = ready.map(|_| Purpose::Ready);
            ready.into_iter().chain(live.map(|_| Purpose::Live)).collect()
        }
    }
}

impl Watched {
    /// Whether it is asked just this already.
    fn is_asked(&self, purposes: &[Purpose], plan: &Arc<Plan>) -> bool {
        self.plan == *plan && self.probes.iter().map(|probe| probe.purpose).eq(purposes.iter().copied())
    }
}

impl Purpose {
    fn asked(self, plan: &Plan) -> Option<Asked<'_>> {
        match self {
            Self::Start => plan.startup(),
            Self::Ready | Self::Both => plan.readiness().map(Asked::Check),
            Self::Live => plan.liveness().map(Asked::Check),
        }
    }

    /// How often it is asked, how long an answer may take, and how many bad ones count.
    fn terms(self, plan: &Plan) -> (Duration, Duration, u8) {
        let check = match self.asked(plan) {
            Some(Asked::Check(check)) => Some(check),
            _ => None,
        };
        let seconds = |given: Option<u16>| given.map(|given| Duration::from_secs(given.into()));
        let of = |which: fn(&HealthCheck) -> Option<u16>| seconds(check.and_then(which));
        let patience = of(|check| check.timeout).unwrap_or(health::PATIENCE);
        match self {
            Self::Start => (SOON, patience, 1),
            _ => {
                let bad = check.and_then(|check| check.failures).unwrap_or(BAD);
                (of(|check| check.interval).unwrap_or(LATER), patience, bad)
            }
        }
    }
}

/// Asks whom it is time to ask. When it is time again.
fn ask(cx: &Cx, watched: &mut BTreeMap<String, Watched>, asking: &mut Asking) -> Option<Instant> {
    let now = Instant::now();
    let mut due: Vec<_> = watched
        .values_mut()
        .flat_map(|Watched { run, plan, probes }| probes.iter_mut().map(|probe| (&*run, &*plan, probe)))
        .filter(|(.., probe)| probe.asking.as_ref().is_none_or(AbortHandle::is_finished))
        .collect();
    // Who waits longest comes first: those that never answer keep nobody out.
    due.sort_by_key(|(.., probe)| probe.due);
    for (run, plan, probe) in due {
        if asking.len() >= AT_ONCE {
            // An answer makes room.
            return None;
        }
        if probe.due > now {
            return Some(probe.due);
        }
        let (interval, patience, _) = probe.purpose.terms(plan);
        probe.due = now + interval;
        let (cx, run, plan, purpose) = (cx.clone(), run.clone(), Arc::clone(plan), probe.purpose);
        probe.asking = Some(asking.spawn(async move {
            let found = match purpose.asked(&plan) {
                Some(asked) => health::ask(&cx, &run, &plan, asked, patience).await,
                None => Ok(Ok(())),
            };
            (run.id(), purpose, found)
        }));
    }
    None
}

async fn answered(
    cx: &Cx,
    watched: &mut BTreeMap<String, Watched>,
    id: &str,
    purpose: Purpose,
    found: Found,
) -> Result<()> {
    // One that has ended meanwhile, or is asked something else, is not meant any more.
    let Some(Watched { run, plan, probes }) = watched.get_mut(id) else { return Ok(()) };
    let Some(probe) = probes.iter_mut().find(|probe| probe.purpose == purpose) else { return Ok(()) };
    let (.., most) = purpose.terms(plan);
    probe.bad = if found.is_ok() { 0 } else { probe.bad.saturating_add(1) };
    let news = match (purpose, found) {
        (Purpose::Live, Ok(())) => return Ok(()),
        (_, Ok(())) => News::Ready,
        (Purpose::Start, Err(reason)) => {
            // Since it was first seen: the runtime's clock may be another.
            let since = cx.now().duration_since(run.created).as_secs();
            match plan.start_within() {
                Some(most) if since >= most.into() => {
                    News::Doomed(format!("it did not start in {most} seconds: {reason}"))
                }
                _ => News::Unready(reason),
            }
        }
        (_, Err(_)) if probe.bad < most => return Ok(()),
        (Purpose::Ready, Err(reason)) => News::Unready(reason),
        (_, Err(reason)) if most == 1 => News::Doomed(reason),
        (_, Err(reason)) => News::Doomed(format!("{reason}, {most} times in a row")),
    };
    health::note(cx, run, news).await
}
