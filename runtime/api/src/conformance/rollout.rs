//! Replacement of a set's containers by ready ones.

use std::time::Duration;

use crate::{
    InstanceId, ProbeCheck, Probes, Rollout, SurgeUntil, Workload, WorkloadKind, WorkloadState,
    conformance::{
        Bench,
        probes::{SCRIPT_PORT, http, is_ready, start_within},
    },
    fake::Step::{Forever, Open, Serve, Shut},
};

/// As the next generation, with containers of its own, which replace the others once they are ready.
fn replacing(workload: &Workload, probes: Probes) -> Workload {
    let mut next = Workload { probes, ..workload.clone() };
    next.version.generation += 1;
    next.restart += 1;
    set_policy(&mut next, Rollout::UNTIL_READY);
    next
}

fn set_policy(workload: &mut Workload, policy: Rollout) {
    if let WorkloadKind::Keep { rollout, .. } = &mut workload.kind {
        *rollout = policy;
    }
}

/// A new container takes over when it is ready; what is ready drains for longer than a test waits.
const DRAIN_LONG: Rollout = Rollout::Surge {
    until: SurgeUntil::Ready,
    most: None,
    min_ready: Duration::ZERO,
    drain: Duration::from_secs(3600),
};

/// Nothing of the suite listens there.
fn never_ready() -> Probes {
    Probes { readiness: Some(super::probes::probe(ProbeCheck::Tcp { port: 9 })), ..Probes::default() }
}

fn running(state: &WorkloadState) -> Vec<u32> {
    state.running().map(|instance| instance.id.start).collect()
}

/// Requests to the old one are answered meanwhile.
pub async fn replaced_container_goes_on_until_the_new_one_is_ready(bench: &Bench) {
    let workload = bench.keep(1, &[Serve(SCRIPT_PORT), Forever]);
    let old = bench.running(&workload, 1).await[0];
    let probes = Probes { readiness: Some(http("/ready")), ..Probes::default() };
    let id = bench.apply(&replacing(&workload, probes)).await;
    let new = InstanceId { start: old.start + 1, ..old };
    let asked = |state: &WorkloadState| {
        state.instances.iter().any(|instance| instance.id == new && instance.health.failure.is_some())
    };
    bench.until(id, |state| running(state) == [1, 2] && asked(state)).await;
    bench.run_in(new, &[Open("ready".into())]).await;
    let state = bench.until(id, |state| running(state) == [2]).await;
    assert!(is_ready(&state, new));
}

/// Those who ask it have to learn of the new one first.
pub async fn replaced_container_goes_on_while_the_new_one_settles(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await[0];
    let mut next = replacing(&workload, Probes::default());
    let (min_ready, drain) = (Duration::from_secs(3600), Duration::ZERO);
    set_policy(&mut next, Rollout::Surge { until: SurgeUntil::Ready, most: None, min_ready, drain });
    let id = bench.apply(&next).await;
    let new = InstanceId { start: old.start + 1, ..old };
    bench.until(id, |state| is_ready(state, new) && running(state) == [1, 2]).await;
    next.version.generation += 1;
    set_policy(&mut next, Rollout::UNTIL_READY);
    bench.apply(&next).await;
    bench.until(id, |state| running(state) == [2]).await;
}

fn find_draining(state: &WorkloadState) -> Vec<InstanceId> {
    let draining = state.running().filter(|instance| instance.draining);
    draining.map(|instance| instance.id).collect()
}

/// Requests under way are answered, and nobody sends it new ones. Without a time to drain it ends at once.
pub async fn replaced_container_drains_before_it_ends(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await[0];
    let mut next = replacing(&workload, Probes::default());
    set_policy(&mut next, DRAIN_LONG);
    let id = bench.apply(&next).await;
    let new = InstanceId { start: old.start + 1, ..old };
    let state = bench.until(id, |state| find_draining(state) == [old]).await;
    assert!(is_ready(&state, new) && is_ready(&state, old) && running(&state) == [1, 2], "{state:#?}");
    // What replaces the new one in turn makes nobody send anything to the old one again.
    let mut third = replacing(&next, never_ready());
    set_policy(&mut third, DRAIN_LONG);
    bench.apply(&third).await;
    let state = bench.until(id, |state| running(state) == [1, 2, 3]).await;
    assert_eq!(find_draining(&state), [old]);
    third.version.generation += 1;
    set_policy(&mut third, Rollout::UNTIL_READY);
    bench.apply(&third).await;
    bench.until(id, |state| running(state) == [2, 3]).await;
}

/// Requests are sent to it as before.
pub async fn draining_container_serves_again_when_its_replacement_does_not(bench: &Bench) {
    let workload = bench.keep(1, &[Serve(SCRIPT_PORT), Forever]);
    let old = bench.running(&workload, 1).await[0];
    let mut next = replacing(&workload, Probes { readiness: Some(http("/ready")), ..Probes::default() });
    set_policy(&mut next, DRAIN_LONG);
    let id = bench.apply(&next).await;
    let new = InstanceId { start: old.start + 1, ..old };
    bench.until(id, |state| running(state) == [1, 2]).await;
    bench.run_in(new, &[Open("ready".into())]).await;
    bench.until(id, |state| find_draining(state) == [old]).await;
    bench.run_in(new, &[Shut("ready".into())]).await;
    let state = bench.until(id, |state| find_draining(state).is_empty()).await;
    assert!(is_ready(&state, old) && running(&state) == [1, 2], "{state:#?}");
}

/// And goes on when it is wanted again.
pub async fn surplus_container_drains_before_it_ends(bench: &Bench) {
    let mut workload = bench.keep(2, &[Forever]);
    set_policy(&mut workload, DRAIN_LONG);
    let all = bench.running(&workload, 2).await;
    let scaled = |replicas: u16, generation: u64| {
        let mut scaled = workload.clone();
        scaled.version.generation += generation;
        if let WorkloadKind::Keep { replicas: wanted, .. } = &mut scaled.kind {
            *wanted = replicas;
        }
        scaled
    };
    let id = bench.apply(&scaled(1, 1)).await;
    bench.until(id, |state| find_draining(state) == [all[1]]).await;
    bench.apply(&scaled(2, 2)).await;
    let state = bench.until(id, |state| find_draining(state).is_empty()).await;
    assert_eq!(state.running().map(|instance| instance.id).collect::<Vec<_>>(), all);
    bench.apply(&scaled(1, 3)).await;
    bench.until(id, |state| find_draining(state) == [all[1]]).await;
    // Without others there is nobody else to send anything to.
    bench.apply(&scaled(0, 4)).await;
    bench.until(id, |state| state.running().count() == 0).await;
}

/// However many come that do not work, one of them runs beside the one that does.
pub async fn replacement_that_never_got_ready_is_replaced_too(bench: &Bench) {
    for first in [Probes::default(), never_ready()] {
        let goes_on = if first.is_empty() { [1, 3] } else { [2, 3] };
        let workload = Workload { probes: first, ..bench.keep(1, &[Forever]) };
        bench.running(&workload, 1).await;
        let second = replacing(&workload, never_ready());
        let id = bench.apply(&second).await;
        bench.until(id, |state| running(state) == [1, 2]).await;
        bench.apply(&replacing(&second, never_ready())).await;
        bench.until(id, |state| running(state) == goes_on).await;
    }
}

/// The one that did not work is taken back, and the one it was to replace never stopped.
pub async fn container_that_is_wanted_again_is_not_started_again(bench: &Bench) {
    let first = bench.keep(1, &[Forever]);
    let old = bench.running(&first, 1).await[0];
    let second = replacing(&first, never_ready());
    let id = bench.apply(&second).await;
    bench.until(id, |state| running(state) == [1, 2]).await;
    let mut again = replacing(&second, Probes::default());
    again.restart = first.restart;
    bench.apply(&again).await;
    let state = bench.until(id, |state| running(state) == [1]).await;
    assert!(state.running().all(|instance| instance.id == old && instance.version == again.version));
}

/// Again and again, while the other goes on.
pub async fn failed_replacement_is_restarted_beside_the_one_that_serves(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    bench.running(&workload, 1).await;
    let probes = Probes { startup: Some(start_within(Duration::from_secs(1))), ..Probes::default() };
    let id = bench.apply(&replacing(&workload, probes)).await;
    bench.until(id, |state| running(state) == [1, 2]).await;
    let state = bench.until(id, |state| running(state) == [1, 3]).await;
    let failed = state.instances.iter().find(|instance| instance.id.start == 2);
    let outcome = failed.and_then(|instance| instance.phase.outcome());
    assert!(outcome.is_some_and(|outcome| outcome.unhealthy.is_some()), "{state:#?}");
}
