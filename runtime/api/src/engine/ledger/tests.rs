//! Tests of the ledger: restart back-off and draining.

use super::*;
use crate::{ContainerOutcome, Rollout, SetId, Termination, conformance::Bench, engine::plan::plan_rollout};
use hearth_base::{Clock, Entropy, SystemClock};

/// A ledger with a set of one replica, whose container has ended `ends` times in a row.
fn build_crashing_set(ends: u32, backoff: &RestartBackoff) -> (Ledger, Workload) {
    let set = SetId::new(SystemClock.now(), &Entropy::System);
    let kind = WorkloadKind::Keep { set, replicas: 1, rollout: Rollout::default(), first: 1 };
    let workload = Bench::build_bare_workload(Bench::new_tool(), kind, &Bench::build_bare_image());
    let mut ledger = Ledger::new(1, RecoveredState::default());
    apply_workload(&mut ledger, &workload);
    (1..=ends).for_each(|start| end_container(&mut ledger, &workload, start, backoff));
    (ledger, workload)
}

fn apply_workload(ledger: &mut Ledger, workload: &Workload) {
    let stored = ledger.merge_applied(workload.clone());
    ledger.upsert_workload(stored, Timestamp::UNIX_EPOCH);
}

/// Starts the container with this start count, which ends at once.
fn end_container(ledger: &mut Ledger, workload: &Workload, start: u32, backoff: &RestartBackoff) {
    let instance = InstanceId { workload: workload.id(), replica: 0, start };
    ledger.record_step(workload.id(), &PlanStep::Start(instance));
    let outcome = ContainerOutcome::from_end(Termination::Exited { code: 1 }, Timestamp::UNIX_EPOCH);
    assert!(ledger.record_phase(&PhaseReport { instance, phase: Phase::Ended(outcome) }, backoff));
}

/// The seconds until the next start of the replica, from its last end.
fn read_pause(ledger: &Ledger, workload: &Workload, backoff: &RestartBackoff) -> i64 {
    let record = ledger.find_record(workload.id()).expect("a record");
    let plan = plan_rollout(record, Timestamp::UNIX_EPOCH, backoff);
    plan.due.map_or(0, Timestamp::as_second)
}

#[test]
fn changed_set_starts_its_backoff_again() {
    let backoff = RestartBackoff::default();
    let (mut ledger, workload) = build_crashing_set(7, &backoff);
    assert_eq!(read_pause(&ledger, &workload, &backoff), 64);
    // A change that no container depends on keeps the back-off.
    let mut scaled = workload.clone();
    scaled.version.generation += 1;
    apply_workload(&mut ledger, &scaled);
    assert_eq!(read_pause(&ledger, &workload, &backoff), 64);
    let mut changed = Workload { restart: 1, ..scaled };
    changed.version.generation += 1;
    apply_workload(&mut ledger, &changed);
    assert_eq!(read_pause(&ledger, &workload, &backoff), 0);
    end_container(&mut ledger, &workload, 8, &backoff);
    assert_eq!(read_pause(&ledger, &workload, &backoff), 1);
}

#[test]
fn set_that_was_paused_starts_its_backoff_again() {
    let backoff = RestartBackoff::default();
    let (mut ledger, mut workload) = build_crashing_set(9, &backoff);
    for wanted in [0, 1] {
        workload.version.generation += 1;
        if let WorkloadKind::Keep { replicas, .. } = &mut workload.kind {
            *replicas = wanted;
        }
        apply_workload(&mut ledger, &workload);
    }
    assert_eq!(read_pause(&ledger, &workload, &backoff), 1);
}

#[test]
fn drain_ends_after_the_clock_was_set_back() {
    let (backoff, drain) = (RestartBackoff::default(), Duration::from_secs(30));
    let at = |second| Timestamp::from_second(second).expect("a timestamp");
    let Rollout::Surge { until, most, min_ready, .. } = Rollout::default() else { panic!("it surges") };
    let rollout = Rollout::Surge { until, most, min_ready, drain };
    let set = SetId::new(SystemClock.now(), &Entropy::System);
    let kind = WorkloadKind::Keep { set, replicas: 1, rollout, first: 1 };
    let workload = Bench::build_bare_workload(Bench::new_tool(), kind, &Bench::build_bare_image());
    let (id, grace) = (workload.id(), workload.grace);
    let instance = |start| InstanceId { workload: id, replica: 0, start };
    let mut ledger = Ledger::new(1, RecoveredState::default());
    for start in [1, 2] {
        let stored = ledger.merge_applied(Workload { restart: start.into(), ..workload.clone() });
        ledger.upsert_workload(stored, at(1000));
        ledger.record_step(id, &PlanStep::Start(instance(start)));
        let phase = Phase::Running { since: at(1000), address: None };
        assert!(ledger.record_phase(&PhaseReport { instance: instance(start), phase }, &backoff));
    }
    for (now, has_changed) in [(1000, true), (400, false), (429, false)] {
        let plan = plan_rollout(ledger.find_record(id).expect("a record"), at(now), &backoff);
        assert_eq!((&plan.draining, plan.steps), (&BTreeSet::from([instance(1)]), Vec::new()));
        assert_eq!(ledger.set_draining(id, &plan.draining, at(now)), has_changed);
    }
    let plan = plan_rollout(ledger.find_record(id).expect("a record"), at(430), &backoff);
    assert_eq!(plan.steps, [PlanStep::Stop(instance(1), grace)]);
}
