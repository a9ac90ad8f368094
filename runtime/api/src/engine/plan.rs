//! The next actions for one workload: a pure function of its record, the time and the restart back-off.
//!
//! State of one replica of a set, and the actions of its plan. *Current* means that the container satisfies
//! the wanted specification; *serves* means that it is ready, has not ended and was not asked to end.
//!
//! | state of the replica | actions |
//! |---|---|
//! | replica is surplus, or the set is stopped | stop its containers; a surplus one drains first |
//! | no container | start the first |
//! | a current container serves | retire all others; serving ones only after `min_ready` |
//! | newest ended, not current | start a replacement at once |
//! | newest ended, current | start it again after the back-off |
//! | newest runs, not current | start a replacement beside it; an older serving one stays |
//! | newest runs, failed a probe | wait for its end |
//! | newest runs, current, not ready | wait; keep one older container that serves or lives, retire the rest |
//! | newest is starting, current | wait |
//!
//! In every state, containers that failed a probe are stopped, and of the ended ones only the last few are
//! kept. A stop with a shorter grace than that of a stop under way is requested again. [`crate::Rollout::Recreate`] is an optional feature ([`crate::Feature::Rollout`]), which this plan
//! does not support.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{InstanceId, Phase, Workload, WorkloadKind, engine::RestartBackoff};

use super::record::{Record, TrackedInstance};

/// Number of ended containers of a replica that are kept for their outcomes and logs.
const MAX_ENDED_PER_REPLICA: usize = 3;

/// One action of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanStep {
    /// Start this container.
    Start(InstanceId),
    /// Send it the stop signal, and kill it after this grace.
    Stop(InstanceId, Duration),
    /// Delete the ended container with its log.
    Remove(InstanceId),
}

/// All actions for one workload at one time.
#[derive(Debug, Default)]
pub struct RolloutPlan {
    /// Actions, in order.
    pub steps: Vec<PlanStep>,
    /// The containers that drain from now on; no other one does.
    pub draining: BTreeSet<InstanceId>,
    /// Time of the next plan, if no event comes first.
    pub due: Option<Timestamp>,
}

/// Plans the next actions for a workload by comparing its wanted and its observed state.
pub fn plan_rollout(record: &Record, now: Timestamp, backoff: &RestartBackoff) -> RolloutPlan {
    let mut plan = RolloutPlan::default();
    let workload = &record.stored.workload;
    let wanted = if record.stored.stop_grace.is_some() { 0 } else { workload.replicas() };
    // Keys are ordered by replica, so the last one has the highest. Replicas beyond `wanted` are surplus.
    let known = record.instances.keys().last().map_or(0, |last| last.replica + 1);
    for replica in 0..wanted.max(known) {
        let instances: Vec<(&InstanceId, &TrackedInstance)> =
            record.instances.iter().filter(|(id, _)| id.replica == replica).collect();
        if wanted == 0 {
            // Draining moves requests to other containers. A stopped set has none, so it stops at once.
            stop_containers(&mut plan, instances.iter(), record.stored.stop_grace.unwrap_or(workload.grace));
        } else if replica >= wanted {
            retire_containers(&mut plan, instances.iter(), workload, now);
        } else {
            keep_replica(&mut plan, record, replica, &instances, now, backoff);
        }
        // Instances are ordered by start count: the oldest ended ones come first.
        let ended = instances.iter().filter(|(_, tracked)| tracked.phase.outcome().is_some());
        let ended: Vec<InstanceId> = ended.map(|(id, _)| **id).collect();
        let old = ended.len().saturating_sub(MAX_ENDED_PER_REPLICA);
        plan.steps.extend(ended.into_iter().take(old).map(PlanStep::Remove));
    }
    plan
}

/// Stops containers that have neither ended nor been asked to end within `grace`.
fn stop_containers<'a>(
    plan: &mut RolloutPlan,
    instances: impl Iterator<Item = &'a (&'a InstanceId, &'a TrackedInstance)>,
    grace: Duration,
) {
    let takes_longer = |tracked: &TrackedInstance| {
        !tracked.stopping || tracked.requested_grace.is_some_and(|requested| grace < requested)
    };
    let alive = instances.filter(|(_, tracked)| tracked.phase.outcome().is_none() && takes_longer(tracked));
    for step in alive.map(|(id, _)| PlanStep::Stop(**id, grace)) {
        // A container may be stopped for two reasons, a failed probe and its replacement.
        if !plan.steps.contains(&step) {
            plan.steps.push(step);
        }
    }
}

/// Stops containers that are no longer needed. Ready ones drain first, for [`crate::Rollout::drain`].
fn retire_containers<'a>(
    plan: &mut RolloutPlan,
    instances: impl Iterator<Item = &'a (&'a InstanceId, &'a TrackedInstance)>,
    workload: &Workload,
    now: Timestamp,
) {
    for instance in instances.filter(|(_, tracked)| tracked.outcome().is_none() && !tracked.stopping) {
        let (id, tracked) = instance;
        // A drain that has begun continues even when the container is no longer ready. After a clock step
        // backwards, the drain counts from now, and `Ledger::set_draining` stores this: a start in the future
        // would extend it.
        let since = tracked.draining_since.or(tracked.is_ready().then_some(now)).map(|since| since.min(now));
        let end = since.map(|since| since.checked_add(workload.rollout().drain()).unwrap_or(Timestamp::MAX));
        // A container that failed a probe must not receive requests any more, so it is stopped without a
        // drain.
        match end.filter(|end| *end > now && !tracked.needs_restart()) {
            Some(end) => {
                plan.draining.insert(**id);
                plan.due = plan.due.into_iter().chain([end]).min();
            }
            None => stop_containers(plan, std::iter::once(instance), workload.grace),
        }
    }
}

/// Plans one wanted replica; see the table at the head of the module.
fn keep_replica(
    plan: &mut RolloutPlan,
    record: &Record,
    replica: u16,
    instances: &[(&InstanceId, &TrackedInstance)],
    now: Timestamp,
    backoff: &RestartBackoff,
) {
    let workload = &record.stored.workload;
    let next = |start| PlanStep::Start(InstanceId { workload: workload.id(), replica, start });
    let Some((latest_id, latest)) = instances.last() else {
        plan.steps.push(next(workload.first_start()));
        return;
    };
    // A run has at most one container, even when that one failed.
    if matches!(workload.kind, WorkloadKind::Once { .. }) {
        return;
    }
    stop_containers(plan, instances.iter().filter(|(_, tracked)| tracked.needs_restart()), workload.grace);
    let is_current = |tracked: &TrackedInstance| tracked.workload.has_same_container(workload);
    let is_leaving = |tracked: &TrackedInstance| tracked.stopping || tracked.needs_restart();
    // A container that was stopped by a request, and not for a failed probe, is started again without
    // back-off.
    let skips_backoff = |tracked: &TrackedInstance| tracked.stopping && !tracked.needs_restart();
    let serves =
        |tracked: &TrackedInstance| tracked.is_ready() && !is_leaving(tracked) && tracked.outcome().is_none();
    if let Some((serving_id, serving)) =
        instances.iter().rfind(|(_, tracked)| serves(tracked) && is_current(tracked))
    {
        // It need not be the newest container: after a roll-back, the older one that still serves is current
        // again, and its unfinished successors are retired.
        let others = instances.iter().filter(|(id, _)| id != serving_id);
        let ready_at = serving.probes.health().ready_changed_at.unwrap_or(now);
        // A clock step backwards must not extend the wait, so a time in the future counts as now.
        let settled = ready_at.min(now).checked_add(workload.rollout().min_ready()).unwrap_or(Timestamp::MAX);
        // Only a serving predecessor is worth waiting for: it takes requests while the new container proves
        // itself.
        let awaits = settled > now && others.clone().any(|(_, tracked)| serves(tracked));
        if awaits {
            plan.due = plan.due.into_iter().chain([settled]).min();
        }
        retire_containers(plan, others.filter(|(_, tracked)| !awaits || !serves(tracked)), workload, now);
        return;
    }
    // Containers that already drain continue to do so when their replacement is replaced in turn: sending
    // them requests again would only delay their end. This needs a newer serving one, or nothing would take
    // the requests.
    if let Some(newest) = instances.iter().rposition(|(_, tracked)| serves(tracked)) {
        let draining = instances[..newest].iter().filter(|(_, tracked)| tracked.draining_since.is_some());
        retire_containers(plan, draining, workload, now);
    }
    match &latest.phase {
        // The failures of another specification say nothing about this one, so there is no back-off.
        Phase::Ended(_) if !is_current(latest) => plan.steps.push(next(latest_id.start + 1)),
        Phase::Ended(outcome) => {
            // Every end is counted when it is recorded, so the default is only a precaution.
            let ends = record.consecutive_ends.get(&replica).copied().unwrap_or(1);
            let pause = SignedDuration::try_from(backoff.compute_delay(ends)).unwrap_or(SignedDuration::MAX);
            let due = outcome.ended.checked_add(pause).unwrap_or(Timestamp::MAX);
            if due <= now || skips_backoff(latest) {
                plan.steps.push(next(latest_id.start + 1));
            } else {
                plan.due = plan.due.into_iter().chain([due]).min();
            }
        }
        // Surge: the replacement starts beside this container, which is retired once the new one is far
        // enough.
        Phase::Starting | Phase::Running { .. } if !is_current(latest) || skips_backoff(latest) => {
            plan.steps.push(next(latest_id.start + 1));
        }
        // It was stopped above; its end starts the next one, after the back-off.
        Phase::Running { .. } if latest.needs_restart() => {}
        Phase::Running { .. } => {
            // The newest is current and runs, but does not serve yet.
            let older = &instances[..instances.len() - 1];
            if !workload.rollout().awaits_ready() {
                retire_containers(plan, older.iter(), workload, now);
                return;
            }
            let alive = |tracked: &TrackedInstance| !is_leaving(tracked) && tracked.outcome().is_none();
            let serving = older.iter().rfind(|(_, tracked)| serves(tracked));
            // One older container stays until the newest is ready: the last one that serves, else the last
            // one that lives. Those between are replacements that never became ready and were replaced in
            // turn.
            if let Some((kept, _)) = serving.or_else(|| older.iter().rfind(|(_, tracked)| alive(tracked))) {
                retire_containers(plan, older.iter().filter(|(id, _)| id != kept), workload, now);
            }
        }
        // Its next report makes a new plan.
        Phase::Starting => {}
    }
}
