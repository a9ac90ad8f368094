//! Rollouts: replacement of a set's containers by ready ones.

use std::time::Duration;

use crate::{
    InstanceId, ProbeCheck, Probes, Rollout, SurgeUntil, Workload, WorkloadKind, WorkloadState,
    conformance::{
        Bench,
        probes::{SCRIPT_PORT, build_http_probe, build_startup_probe, is_ready},
    },
    fake::ScriptStep::{Forever, Open, Serve, Shut},
};

/// Builds the next generation, whose containers replace the earlier ones once they are ready.
fn build_replacement(workload: &Workload, probes: Probes) -> Workload {
    let mut next = Workload { probes, ..workload.clone() };
    next.version.generation += 1;
    next.restart += 1;
    set_rollout_policy(&mut next, Rollout::UNTIL_READY);
    next
}

fn set_rollout_policy(workload: &mut Workload, policy: Rollout) {
    if let WorkloadKind::Keep { rollout, .. } = &mut workload.kind {
        *rollout = policy;
    }
}

/// Replaces a container when the new one is ready; the old one drains for longer than a test waits.
const LONG_DRAIN_POLICY: Rollout = Rollout::Surge {
    until: SurgeUntil::Ready,
    most: None,
    min_ready: Duration::ZERO,
    drain: Duration::from_secs(3600),
};

/// Builds probes of a port that no container listens on.
fn build_failing_probes() -> Probes {
    Probes { readiness: Some(super::probes::build_probe(ProbeCheck::Tcp { port: 9 })), ..Probes::default() }
}

fn list_running_start_numbers(state: &WorkloadState) -> Vec<u32> {
    state.running_instances().map(|instance| instance.id.start).collect()
}

/// The old container serves requests until then.
pub async fn old_container_serves_until_the_new_one_is_ready(bench: &Bench) {
    let workload = bench.build_set(1, &[Serve(SCRIPT_PORT), Forever]);
    let old = bench.start_instances(&workload, 1).await[0];
    let probes = Probes { readiness: Some(build_http_probe("/ready")), ..Probes::default() };
    let id = bench.apply(&build_replacement(&workload, probes)).await;
    let new = InstanceId { start: old.start + 1, ..old };
    let was_probed = |state: &WorkloadState| {
        state.instances.iter().any(|instance| instance.id == new && instance.health.failure.is_some())
    };
    bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 2] && was_probed(state)).await;
    bench.run_steps_in(new, &[Open("ready".into())]).await;
    let state = bench.wait_for_state(id, |state| list_running_start_numbers(state) == [2]).await;
    assert!(is_ready(&state, new));
}

/// The new container must be ready for `min_ready` first.
pub async fn old_container_serves_until_the_new_one_was_ready_for_min_ready(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    let old = bench.start_instances(&workload, 1).await[0];
    let mut next = build_replacement(&workload, Probes::default());
    let (min_ready, drain) = (Duration::from_secs(3600), Duration::ZERO);
    set_rollout_policy(&mut next, Rollout::Surge { until: SurgeUntil::Ready, most: None, min_ready, drain });
    let id = bench.apply(&next).await;
    let new = InstanceId { start: old.start + 1, ..old };
    bench
        .wait_for_state(id, |state| is_ready(state, new) && list_running_start_numbers(state) == [1, 2])
        .await;
    next.version.generation += 1;
    set_rollout_policy(&mut next, Rollout::UNTIL_READY);
    bench.apply(&next).await;
    bench.wait_for_state(id, |state| list_running_start_numbers(state) == [2]).await;
}

fn find_draining(state: &WorkloadState) -> Vec<InstanceId> {
    let draining = state.running_instances().filter(|instance| instance.draining);
    draining.map(|instance| instance.id).collect()
}

/// Without a drain time it ends at once.
pub async fn replaced_container_drains_before_it_ends(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    let old = bench.start_instances(&workload, 1).await[0];
    let mut next = build_replacement(&workload, Probes::default());
    set_rollout_policy(&mut next, LONG_DRAIN_POLICY);
    let id = bench.apply(&next).await;
    let new = InstanceId { start: old.start + 1, ..old };
    let state = bench.wait_for_state(id, |state| find_draining(state) == [old]).await;
    assert!(
        is_ready(&state, new) && is_ready(&state, old) && list_running_start_numbers(&state) == [1, 2],
        "{state:#?}"
    );
    // When the new container is replaced in turn, the old one stays in its drain.
    let mut third = build_replacement(&next, build_failing_probes());
    set_rollout_policy(&mut third, LONG_DRAIN_POLICY);
    bench.apply(&third).await;
    let state = bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 2, 3]).await;
    assert_eq!(find_draining(&state), [old]);
    third.version.generation += 1;
    set_rollout_policy(&mut third, Rollout::UNTIL_READY);
    bench.apply(&third).await;
    bench.wait_for_state(id, |state| list_running_start_numbers(state) == [2, 3]).await;
}

/// Its drain is cancelled.
pub async fn draining_container_serves_again_when_its_replacement_does_not(bench: &Bench) {
    let workload = bench.build_set(1, &[Serve(SCRIPT_PORT), Forever]);
    let old = bench.start_instances(&workload, 1).await[0];
    let mut next = build_replacement(
        &workload,
        Probes { readiness: Some(build_http_probe("/ready")), ..Probes::default() },
    );
    set_rollout_policy(&mut next, LONG_DRAIN_POLICY);
    let id = bench.apply(&next).await;
    let new = InstanceId { start: old.start + 1, ..old };
    bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 2]).await;
    bench.run_steps_in(new, &[Open("ready".into())]).await;
    bench.wait_for_state(id, |state| find_draining(state) == [old]).await;
    bench.run_steps_in(new, &[Shut("ready".into())]).await;
    let state = bench.wait_for_state(id, |state| find_draining(state).is_empty()).await;
    assert!(is_ready(&state, old) && list_running_start_numbers(&state) == [1, 2], "{state:#?}");
}

/// Scaling up again cancels its drain.
pub async fn surplus_container_drains_before_it_ends(bench: &Bench) {
    let mut workload = bench.build_set(2, &[Forever]);
    set_rollout_policy(&mut workload, LONG_DRAIN_POLICY);
    let all = bench.start_instances(&workload, 2).await;
    let scaled = |replicas: u16, generation: u64| {
        let mut scaled = workload.clone();
        scaled.version.generation += generation;
        if let WorkloadKind::Keep { replicas: wanted, .. } = &mut scaled.kind {
            *wanted = replicas;
        }
        scaled
    };
    let id = bench.apply(&scaled(1, 1)).await;
    bench.wait_for_state(id, |state| find_draining(state) == [all[1]]).await;
    bench.apply(&scaled(2, 2)).await;
    let state = bench.wait_for_state(id, |state| find_draining(state).is_empty()).await;
    assert_eq!(state.running_instances().map(|instance| instance.id).collect::<Vec<_>>(), all);
    bench.apply(&scaled(1, 3)).await;
    bench.wait_for_state(id, |state| find_draining(state) == [all[1]]).await;
    // A set without replicas has no other container for the requests, so it stops without a drain.
    bench.apply(&scaled(0, 4)).await;
    bench.wait_for_state(id, |state| state.running_instances().count() == 0).await;
}

/// At most one replacement that is not ready runs beside the older container.
pub async fn replacement_that_never_became_ready_is_replaced(bench: &Bench) {
    for first in [Probes::default(), build_failing_probes()] {
        let expected = if first.is_empty() { [1, 3] } else { [2, 3] };
        let workload = Workload { probes: first, ..bench.build_set(1, &[Forever]) };
        bench.start_instances(&workload, 1).await;
        let second = build_replacement(&workload, build_failing_probes());
        let id = bench.apply(&second).await;
        bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 2]).await;
        bench.apply(&build_replacement(&second, build_failing_probes())).await;
        bench.wait_for_state(id, |state| list_running_start_numbers(state) == expected).await;
    }
}

/// After a roll-back, the unready replacement is stopped and the running container serves the new version.
pub async fn rollback_keeps_the_container_that_still_runs(bench: &Bench) {
    let first = bench.build_set(1, &[Forever]);
    let old = bench.start_instances(&first, 1).await[0];
    let second = build_replacement(&first, build_failing_probes());
    let id = bench.apply(&second).await;
    bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 2]).await;
    let mut again = build_replacement(&second, Probes::default());
    again.restart = first.restart;
    bench.apply(&again).await;
    let state = bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1]).await;
    assert!(
        state.running_instances().all(|instance| instance.id == old && instance.version == again.version)
    );
}

/// The older container continues to serve.
pub async fn failed_replacement_is_restarted_beside_the_one_that_serves(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    bench.start_instances(&workload, 1).await;
    let probes = Probes { startup: Some(build_startup_probe(Duration::from_secs(1))), ..Probes::default() };
    let id = bench.apply(&build_replacement(&workload, probes)).await;
    bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 2]).await;
    let state = bench.wait_for_state(id, |state| list_running_start_numbers(state) == [1, 3]).await;
    let failed = state.instances.iter().find(|instance| instance.id.start == 2);
    let outcome = failed.and_then(|instance| instance.phase.outcome());
    assert!(outcome.is_some_and(|outcome| outcome.probe_failure.is_some()), "{state:#?}");
}
