//! Versions, observers and validation.

use std::time::Duration;

use crate::{
    Cursor, Version,
    conformance::Bench,
    fake::ScriptStep::{Exit, Forever},
};

/// Late messages have no effect.
pub async fn a_lower_generation_is_refused(bench: &Bench) {
    let mut workload = bench.build_set(1, &[Forever]);
    workload.version = Version { epoch: 2, generation: 5 };
    bench.apply(&workload).await;
    for version in [Version { epoch: 2, generation: 4 }, Version { epoch: 1, generation: 9 }] {
        let mut late = workload.clone();
        late.version = version;
        let refused = bench.runtime().apply(late).await.err();
        assert_eq!(refused.as_ref().map(|error| error.code()), Some("generation-superseded"));
        let refused = bench.runtime().stop(workload.id(), version, Duration::ZERO).await;
        assert!(refused.is_err());
    }
    let state = bench.wait_for_state(workload.id(), |state| state.running_instances().count() == 1).await;
    assert_eq!(state.version, workload.version);
}

/// Messages may arrive out of order.
pub async fn a_stop_before_the_apply_wins(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    let later = Version { generation: 2, ..workload.version };
    bench.runtime().stop(workload.id(), later, Duration::ZERO).await.expect("stop");
    assert!(bench.runtime().apply(workload).await.is_err());
}

/// A long poll returns at the first change.
pub async fn an_observer_is_woken_by_a_change(bench: &Bench) {
    let runtime = bench.runtime();
    let start = runtime.observe_workloads(None, Duration::ZERO).await.expect("observe");
    assert!(start.complete);
    let none = runtime.observe_workloads(Some(start.cursor), Duration::ZERO).await.expect("observe");
    assert!(!none.complete && none.workloads.is_empty());
    let workload = bench.build_run(&[Exit(0)]);
    let (seen, applied) = tokio::join!(
        runtime.observe_workloads(Some(start.cursor), Duration::from_secs(50)),
        runtime.apply(workload.clone())
    );
    applied.expect("apply");
    let seen = seen.expect("observe");
    assert!(!seen.complete);
    assert_eq!(seen.workloads.first().map(|state| state.id), Some(workload.id()));
    bench.wait_for_end(workload.id()).await;
    let before = runtime.observe_workloads(None, Duration::ZERO).await.expect("observe").cursor;
    runtime.acknowledge_workload(workload.id()).await.expect("acknowledge");
    let removed = runtime.observe_workloads(Some(before), Duration::from_secs(20)).await.expect("observe");
    assert_eq!(removed.removed, [workload.id()]);
}

/// A cursor from before a restart is invalid.
pub async fn cursor_of_an_earlier_process_lists_everything(bench: &Bench) {
    let workload = bench.build_run(&[Forever]);
    bench.start_instances(&workload, 1).await;
    let other = Cursor { process_number: 0, change: 1_000_000 };
    let seen =
        bench.runtime().observe_workloads(Some(other), Duration::from_secs(20)).await.expect("observe");
    assert!(seen.complete && seen.workloads.len() == 1);
}

/// The error has the code `workload`.
pub async fn a_workload_that_breaks_a_rule_is_refused(bench: &Bench) {
    let mut outside = bench.build_run(&[Exit(0)]);
    outside.mounts[0].at = "/etc/../proc".to_owned();
    let mut system = bench.build_run(&[Exit(0)]);
    system.mounts[0].at = "/proc/sys".to_owned();
    let mut root = bench.build_run(&[Exit(0)]);
    root.process.user.uid = 65_536;
    let mut empty = bench.build_run(&[Exit(0)]);
    empty.process.argv.clear();
    let mut zero = bench.build_run(&[Exit(0)]);
    zero.process.argv.push("a\0b".to_owned());
    for workload in [outside, system, root, empty, zero] {
        let refused = bench.runtime().apply(workload).await.err();
        assert_eq!(refused.as_ref().map(|error| error.code()), Some("workload"));
    }
}

/// Each item has a finding.
pub async fn host_check_describes_each_item(bench: &Bench) {
    let report = bench.runtime().check_host().await.expect("doctor");
    assert!(report.is_usable(), "{report:#?}");
    assert!(report.checks.iter().all(|check| !check.found.is_empty()));
}
