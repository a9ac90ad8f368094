//! Sets: kept alive without anybody's help.

use std::time::Duration;

use crate::{
    End, Workload, WorkloadKind,
    conformance::Bench,
    fake::Step::{Exit, Forever},
};

fn next(workload: &Workload, replicas: u16) -> Workload {
    let mut next = workload.clone();
    next.version.generation += 1;
    if let WorkloadKind::Keep { replicas: wanted, .. } = &mut next.kind {
        *wanted = replicas;
    }
    next
}

/// Each start is a container of its own, and the last outcomes are kept.
pub async fn what_ends_is_started_again(bench: &Bench) {
    let workload = bench.keep(1, &[Exit(3)]);
    let id = bench.apply(&workload).await;
    let state = bench.until(id, |state| state.instances.iter().any(|instance| instance.id.start >= 3)).await;
    assert!(!state.done);
    let ended = state.instances.iter().find_map(|instance| instance.phase.outcome());
    assert_eq!(ended.map(|outcome| &outcome.end), Some(&End::Exited { code: 3 }));
}

/// What another runtime has begun of a set is never begun again under the same name.
pub async fn the_first_container_has_the_number_that_is_asked_for(bench: &Bench) {
    let mut workload = bench.keep(2, &[Forever]);
    if let WorkloadKind::Keep { first, .. } = &mut workload.kind {
        *first = 8;
    }
    let running = bench.running(&workload, 2).await;
    assert!(running.iter().all(|instance| instance.start == 8));
    // Where one is known, the next is the one behind it.
    let mut again = next(&workload, 1);
    again.restart += 1;
    let id = bench.apply(&again).await;
    bench.until(id, |state| state.running().any(|instance| instance.id.start == 9)).await;
}

/// Up and down, and to nothing.
pub async fn replicas_follow_the_number_wanted(bench: &Bench) {
    let mut workload = bench.keep(2, &[Forever]);
    bench.running(&workload, 2).await;
    for replicas in [3, 1, 0, 1] {
        workload = next(&workload, replicas);
        let running = bench.running(&workload, replicas.into()).await;
        assert!(running.iter().all(|instance| instance.replica < replicas));
    }
}

/// The new one runs before the old one is asked to end.
pub async fn a_restart_replaces_each_container(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await[0];
    let mut again = next(&workload, 1);
    again.restart += 1;
    let id = bench.apply(&again).await;
    let state = bench
        .until(id, |state| {
            let ended = |start| {
                state
                    .instances
                    .iter()
                    .any(|instance| instance.id.start == start && instance.phase.outcome().is_some())
            };
            ended(old.start) && state.running().count() == 1
        })
        .await;
    let new = state.running().next().expect("one runs");
    assert_eq!((new.id.start, new.version), (old.start + 1, again.version));
    let outcome = state
        .instances
        .iter()
        .find(|instance| instance.id == old)
        .and_then(|instance| instance.phase.outcome());
    assert!(outcome.is_some_and(|outcome| outcome.stopped), "{outcome:?}");
}

/// What runs goes on running.
pub async fn a_change_of_replicas_restarts_nothing(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await;
    let new = bench.running(&next(&workload, 2), 2).await;
    assert!(new.contains(&old[0]));
}

/// And is done once all have ended.
pub async fn a_stopped_set_stays_stopped_until_a_higher_generation(bench: &Bench) {
    let workload = bench.keep(2, &[Forever]);
    bench.running(&workload, 2).await;
    let stopped = next(&workload, 2);
    let runtime = bench.runtime();
    runtime.stop(workload.id(), stopped.version, Duration::from_secs(20)).await.expect("stop");
    bench.until(workload.id(), |state| state.done).await;
    assert!(runtime.apply(workload.clone()).await.is_err());
    bench.running(&next(&stopped, 2), 2).await;
}
