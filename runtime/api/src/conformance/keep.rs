//! Sets: replicas are kept running.

use std::time::Duration;

use crate::{
    Termination, Workload, WorkloadKind,
    conformance::Bench,
    fake::ScriptStep::{Exit, Forever, Stubborn},
};

fn next_generation(workload: &Workload, replicas: u16) -> Workload {
    let mut next = workload.clone();
    next.version.generation += 1;
    if let WorkloadKind::Keep { replicas: wanted, .. } = &mut next.kind {
        *wanted = replicas;
    }
    next
}

/// Each start creates a new container, and the last outcomes stay visible.
pub async fn ended_container_is_started_again(bench: &Bench) {
    let workload = bench.build_set(1, &[Exit(3)]);
    let id = bench.apply(&workload).await;
    let state =
        bench.wait_for_state(id, |state| state.instances.iter().any(|instance| instance.id.start >= 3)).await;
    assert!(!state.done);
    let ended = state.instances.iter().find_map(|instance| instance.phase.outcome());
    assert_eq!(ended.map(|outcome| &outcome.end), Some(&Termination::Exited { code: 3 }));
}

/// A caller can reserve the start counts that an earlier runtime has used.
pub async fn first_container_has_the_requested_start_number(bench: &Bench) {
    let mut workload = bench.build_set(2, &[Forever]);
    if let WorkloadKind::Keep { first, .. } = &mut workload.kind {
        *first = 8;
    }
    let running = bench.start_instances(&workload, 2).await;
    assert!(running.iter().all(|instance| instance.start == 8));
    // For a replica with a record, the next start count follows the last one.
    let mut again = next_generation(&workload, 1);
    again.restart += 1;
    let id = bench.apply(&again).await;
    bench.wait_for_state(id, |state| state.running_instances().any(|instance| instance.id.start == 9)).await;
}

/// Scaling works up, down and to zero.
pub async fn replicas_follow_the_number_wanted(bench: &Bench) {
    let mut workload = bench.build_set(2, &[Forever]);
    bench.start_instances(&workload, 2).await;
    for replicas in [3, 1, 0, 1] {
        workload = next_generation(&workload, replicas);
        let running = bench.start_instances(&workload, replicas.into()).await;
        assert!(running.iter().all(|instance| instance.replica < replicas));
    }
}

/// The new container runs before the old one receives its stop signal.
pub async fn a_restart_replaces_each_container(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    let old = bench.start_instances(&workload, 1).await[0];
    let mut again = next_generation(&workload, 1);
    again.restart += 1;
    let id = bench.apply(&again).await;
    let state = bench
        .wait_for_state(id, |state| {
            let ended = |start| {
                state
                    .instances
                    .iter()
                    .any(|instance| instance.id.start == start && instance.phase.outcome().is_some())
            };
            ended(old.start) && state.running_instances().count() == 1
        })
        .await;
    let new = state.running_instances().next().expect("one runs");
    assert_eq!((new.id.start, new.version), (old.start + 1, again.version));
    let outcome = state
        .instances
        .iter()
        .find(|instance| instance.id == old)
        .and_then(|instance| instance.phase.outcome());
    assert!(outcome.is_some_and(|outcome| outcome.stopped), "{outcome:?}");
}

/// Running containers are not affected.
pub async fn a_change_of_replicas_restarts_nothing(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    let old = bench.start_instances(&workload, 1).await;
    let new = bench.start_instances(&next_generation(&workload, 2), 2).await;
    assert!(new.contains(&old[0]));
}

/// A stopped set is done once its containers have ended.
pub async fn a_stopped_set_stays_stopped_until_a_higher_generation(bench: &Bench) {
    let workload = bench.build_set(2, &[Forever]);
    bench.start_instances(&workload, 2).await;
    let stopped = next_generation(&workload, 2);
    let runtime = bench.runtime();
    runtime.stop(workload.id(), stopped.version, Duration::from_secs(20)).await.expect("stop");
    bench.wait_for_state(workload.id(), |state| state.done).await;
    assert!(runtime.apply(workload.clone()).await.is_err());
    bench.start_instances(&next_generation(&stopped, 2), 2).await;
}

/// A stop that is under way becomes shorter.
pub async fn a_shorter_grace_applies_to_a_stopping_container(bench: &Bench) {
    let workload = bench.build_set(1, &[Stubborn]);
    bench.start_instances(&workload, 1).await;
    let (first, second) = (next_generation(&workload, 1), next_generation(&next_generation(&workload, 1), 1));
    let runtime = bench.runtime();
    runtime.stop(workload.id(), first.version, Duration::from_secs(3600)).await.expect("stop");
    bench
        .wait_for_state(workload.id(), |state| state.instances.iter().any(|instance| instance.draining))
        .await;
    runtime.stop(workload.id(), second.version, Duration::ZERO).await.expect("stop sooner");
    let state = bench.wait_for_state(workload.id(), |state| state.done).await;
    let outcome = state.instances.first().and_then(|instance| instance.phase.outcome());
    assert_eq!(outcome.map(|outcome| &outcome.end), Some(&Termination::Killed { signal: 9 }));
}
