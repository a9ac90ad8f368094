//! Sets: kept alive without anybody's help.

use std::time::Duration;

use crate::{
    End, InstanceId, Rollout, Workload, WorkloadKind, WorkloadState,
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

/// It is asked to end, and another takes its place; whoever serves beside it goes on.
pub async fn what_is_of_no_use_is_restarted(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await[0];
    let runtime = bench.runtime();
    for _again in 0..2 {
        runtime.restart(old).await.expect("restart");
    }
    let id = workload.id();
    let state = bench.until(id, |state| running(state) == [2]).await;
    let outcome =
        state.instances.iter().find(|instance| instance.id == old).and_then(|old| old.phase.outcome());
    assert!(outcome.is_some_and(|outcome| outcome.stopped), "{outcome:?}");
    runtime.restart(old).await.expect("it has ended");

    let second = InstanceId { start: 2, ..old };
    runtime.ready(second).await.expect("ready");
    bench.apply(&replacing(&workload)).await;
    bench.until(id, |state| running(state) == [2, 3]).await;
    runtime.restart(InstanceId { start: 3, ..old }).await.expect("restart");
    bench.until(id, |state| running(state) == [2, 4]).await;

    let code = |told: hearth_base::Result<()>| told.map_err(|error| error.code().to_owned());
    let nobody = runtime.restart(InstanceId { start: 9, ..old }).await;
    assert_eq!(code(nobody), Err("no-such-instance".to_owned()));
    let once = bench.once(&[Forever]);
    bench.apply(&once).await;
    let WorkloadKind::Once { run, .. } = once.kind else { return };
    assert_eq!(code(runtime.restart(InstanceId::of_run(run)).await), Err("not-kept".to_owned()));
}

/// As the next generation, with containers of its own, which replace the others once they are ready.
fn replacing(workload: &Workload) -> Workload {
    let mut next = next(workload, 1);
    next.restart += 1;
    if let WorkloadKind::Keep { rollout, .. } = &mut next.kind {
        *rollout = Rollout::UNTIL_READY;
    }
    next
}

fn running(state: &WorkloadState) -> Vec<u32> {
    state.running().map(|instance| instance.id.start).collect()
}

/// Whoever asks the old one meanwhile is answered.
pub async fn what_is_replaced_goes_on_until_the_new_one_is_ready(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await[0];
    let id = bench.apply(&replacing(&workload)).await;
    let state = bench.until(id, |state| running(state) == [1, 2]).await;
    assert!(state.instances.iter().all(|instance| !instance.ready));
    let new = InstanceId { start: old.start + 1, ..old };
    for _again in 0..2 {
        bench.runtime().ready(new).await.expect("ready");
    }
    let state = bench.until(id, |state| running(state) == [2]).await;
    assert!(state.running().all(|instance| instance.ready));
    let nobody = bench.runtime().ready(InstanceId { start: 9, ..old }).await;
    assert_eq!(nobody.map_err(|error| error.code().to_owned()), Err("no-such-instance".to_owned()));
}

/// However many come that do not work, one of them runs beside the one that does.
pub async fn what_never_got_ready_is_replaced_too(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let old = bench.running(&workload, 1).await[0];
    bench.runtime().ready(old).await.expect("ready");
    let second = replacing(&workload);
    let id = bench.apply(&second).await;
    bench.until(id, |state| running(state) == [1, 2]).await;
    bench.apply(&replacing(&second)).await;
    bench.until(id, |state| running(state) == [1, 3]).await;

    // The same when nobody has told of any.
    let workload = bench.keep(1, &[Forever]);
    bench.running(&workload, 1).await;
    let second = replacing(&workload);
    let id = bench.apply(&second).await;
    bench.until(id, |state| running(state) == [1, 2]).await;
    bench.apply(&replacing(&second)).await;
    bench.until(id, |state| running(state) == [2, 3]).await;
}

/// What did not work is taken back, and what it was to replace never stopped.
pub async fn what_is_wanted_again_is_not_started_again(bench: &Bench) {
    let first = bench.keep(1, &[Forever]);
    let old = bench.running(&first, 1).await[0];
    bench.runtime().ready(old).await.expect("ready");
    let second = replacing(&first);
    let id = bench.apply(&second).await;
    bench.until(id, |state| running(state) == [1, 2]).await;
    let mut again = replacing(&second);
    again.restart = first.restart;
    bench.apply(&again).await;
    let state = bench.until(id, |state| running(state) == [1]).await;
    assert!(state.running().all(|instance| instance.id == old && instance.version == again.version));
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
