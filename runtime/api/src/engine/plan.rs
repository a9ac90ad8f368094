//! What to do next for one workload: a pure function of what is wanted, what is, and the time.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{InstanceId, Phase, Workload, WorkloadKind, engine::Pauses};

use super::record::{Record, Tracked};

/// How many ended containers of a replica are kept to look at.
const KEPT_ENDED: usize = 3;

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Start this container.
    Start(InstanceId),
    /// Ask it to end.
    Stop(InstanceId, Duration),
    /// Forget it.
    Remove(InstanceId),
}

/// Everything to do now, and when to look again.
#[derive(Debug, Default)]
pub struct Plan {
    /// What to do.
    pub steps: Vec<Step>,
    /// The containers that drain; all others do not.
    pub draining: BTreeSet<InstanceId>,
    /// When there is more to do, without anything else happening.
    pub due: Option<Timestamp>,
}

/// Compares what is wanted with what is.
pub fn plan(record: &Record, now: Timestamp, pauses: &Pauses) -> Plan {
    let mut plan = Plan::default();
    let workload = &record.kept.workload;
    let wanted = if record.kept.stop.is_some() { 0 } else { workload.replicas() };
    let seen = record.instances.keys().last().map_or(0, |last| last.replica + 1);
    for replica in 0..wanted.max(seen) {
        let instances: Vec<(&InstanceId, &Tracked)> =
            record.instances.iter().filter(|(id, _)| id.replica == replica).collect();
        if wanted == 0 {
            // There is nobody else to send anything to.
            stop_containers(&mut plan, instances.iter(), record.kept.stop.unwrap_or(workload.grace));
        } else if replica >= wanted {
            retire_containers(&mut plan, instances.iter(), workload, now);
        } else {
            keep_replica(&mut plan, record, replica, &instances, now, pauses);
        }
        let ended = instances.iter().filter(|(_, tracked)| tracked.phase.outcome().is_some());
        let ended: Vec<InstanceId> = ended.map(|(id, _)| **id).collect();
        let old = ended.len().saturating_sub(KEPT_ENDED);
        plan.steps.extend(ended.into_iter().take(old).map(Step::Remove));
    }
    plan
}

fn stop_containers<'a>(
    plan: &mut Plan,
    instances: impl Iterator<Item = &'a (&'a InstanceId, &'a Tracked)>,
    grace: Duration,
) {
    let alive = instances.filter(|(_, tracked)| tracked.phase.outcome().is_none() && !tracked.stopping);
    for step in alive.map(|(id, _)| Step::Stop(**id, grace)) {
        if !plan.steps.contains(&step) {
            plan.steps.push(step);
        }
    }
}

/// Stops containers that are not needed any more. Those that serve drain first.
fn retire_containers<'a>(
    plan: &mut Plan,
    instances: impl Iterator<Item = &'a (&'a InstanceId, &'a Tracked)>,
    workload: &Workload,
    now: Timestamp,
) {
    for instance in instances.filter(|(_, tracked)| tracked.outcome().is_none() && !tracked.stopping) {
        let (id, tracked) = instance;
        // After the clock was set back, the drain counts from now, which `Ledger::set_draining` keeps.
        let since = tracked.draining_since.or(tracked.is_ready().then_some(now)).map(|since| since.min(now));
        let end = since.map(|since| since.checked_add(workload.rollout().drain()).unwrap_or(Timestamp::MAX));
        match end.filter(|end| *end > now && !tracked.is_to_restart()) {
            Some(end) => {
                plan.draining.insert(**id);
                plan.due = plan.due.into_iter().chain([end]).min();
            }
            None => stop_containers(plan, std::iter::once(instance), workload.grace),
        }
    }
}

fn keep_replica(
    plan: &mut Plan,
    record: &Record,
    replica: u16,
    instances: &[(&InstanceId, &Tracked)],
    now: Timestamp,
    pauses: &Pauses,
) {
    let workload = &record.kept.workload;
    let next = |start| Step::Start(InstanceId { workload: workload.id(), replica, start });
    let Some((latest_id, latest)) = instances.last() else {
        plan.steps.push(next(workload.first()));
        return;
    };
    if matches!(workload.kind, WorkloadKind::Once { .. }) {
        return;
    }
    stop_containers(plan, instances.iter().filter(|(_, tracked)| tracked.is_to_restart()), workload.grace);
    let fresh = |tracked: &Tracked| tracked.workload.same_container(workload);
    let leaves = |tracked: &Tracked| tracked.stopping || tracked.is_to_restart();
    // One that was stopped, and not for what it did itself, is wanted again without a pause.
    let unpaused = |tracked: &Tracked| tracked.stopping && !tracked.is_to_restart();
    let serves = |tracked: &Tracked| tracked.is_ready() && !leaves(tracked) && tracked.outcome().is_none();
    if let Some((fit, serving)) = instances.iter().rfind(|(_, tracked)| serves(tracked) && fresh(tracked)) {
        // The newest, or one whose successors were given up: its like is wanted again.
        let others = instances.iter().filter(|(id, _)| id != fit);
        let ready_at = serving.probes.health().ready_changed_at.unwrap_or(now);
        // A clock that was set back makes nobody wait for longer.
        let settled = ready_at.min(now).checked_add(workload.rollout().min_ready()).unwrap_or(Timestamp::MAX);
        let awaits = settled > now && others.clone().any(|(_, tracked)| serves(tracked));
        if awaits {
            plan.due = plan.due.into_iter().chain([settled]).min();
        }
        retire_containers(plan, others.filter(|(_, tracked)| !awaits || !serves(tracked)), workload, now);
        return;
    }
    // What a newer one had replaced goes on draining, whatever replaces that in turn.
    if let Some(newest) = instances.iter().rposition(|(_, tracked)| serves(tracked)) {
        let draining = instances[..newest].iter().filter(|(_, tracked)| tracked.draining_since.is_some());
        retire_containers(plan, draining, workload, now);
    }
    match &latest.phase {
        Phase::Ended(_) if !fresh(latest) => plan.steps.push(next(latest_id.start + 1)),
        Phase::Ended(outcome) => {
            let ends = record.ends.get(&replica).copied().unwrap_or(1);
            let pause = SignedDuration::try_from(pauses.after(ends)).unwrap_or(SignedDuration::MAX);
            let due = outcome.ended.checked_add(pause).unwrap_or(Timestamp::MAX);
            if due <= now || unpaused(latest) {
                plan.steps.push(next(latest_id.start + 1));
            } else {
                plan.due = plan.due.into_iter().chain([due]).min();
            }
        }
        Phase::Starting | Phase::Running { .. } if !fresh(latest) || unpaused(latest) => {
            plan.steps.push(next(latest_id.start + 1));
        }
        Phase::Running { .. } if latest.is_to_restart() => {}
        Phase::Running { .. } => {
            let older = &instances[..instances.len() - 1];
            if !workload.rollout().awaits_ready() {
                retire_containers(plan, older.iter(), workload, now);
                return;
            }
            let alive = |tracked: &Tracked| !leaves(tracked) && tracked.outcome().is_none();
            let serving = older.iter().rfind(|(_, tracked)| serves(tracked));
            // What was to replace that one and never got ready has been replaced in turn.
            if let Some((kept, _)) = serving.or_else(|| older.iter().rfind(|(_, tracked)| alive(tracked))) {
                retire_containers(plan, older.iter().filter(|(id, _)| id != kept), workload, now);
            }
        }
        Phase::Starting => {}
    }
}
