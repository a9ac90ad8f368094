//! Versions, observers and refusals.

use std::time::Duration;

use crate::{
    Cursor, Version,
    conformance::Bench,
    fake::Step::{Exit, Forever},
};

/// Late messages change nothing.
pub async fn a_lower_generation_is_refused(bench: &Bench) {
    let mut workload = bench.keep(1, &[Forever]);
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
    let state = bench.until(workload.id(), |state| state.running().count() == 1).await;
    assert_eq!(state.version, workload.version);
}

/// Messages may overtake each other.
pub async fn a_stop_before_the_apply_wins(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let later = Version { generation: 2, ..workload.version };
    bench.runtime().stop(workload.id(), later, Duration::ZERO).await.expect("stop");
    assert!(bench.runtime().apply(workload).await.is_err());
}

/// As soon as it happens.
pub async fn an_observer_is_woken_by_a_change(bench: &Bench) {
    let runtime = bench.runtime();
    let start = runtime.observe(None, Duration::ZERO).await.expect("observe");
    assert!(start.complete);
    let none = runtime.observe(Some(start.cursor), Duration::ZERO).await.expect("observe");
    assert!(!none.complete && none.workloads.is_empty());
    let workload = bench.once(&[Exit(0)]);
    let (seen, applied) = tokio::join!(
        runtime.observe(Some(start.cursor), Duration::from_secs(50)),
        runtime.apply(workload.clone())
    );
    applied.expect("apply");
    let seen = seen.expect("observe");
    assert!(!seen.complete);
    assert_eq!(seen.workloads.first().map(|state| state.id), Some(workload.id()));
    bench.ended(workload.id()).await;
    let before = runtime.observe(None, Duration::ZERO).await.expect("observe").cursor;
    runtime.acknowledge(workload.id()).await.expect("acknowledge");
    let gone = runtime.observe(Some(before), Duration::from_secs(20)).await.expect("observe");
    assert_eq!(gone.gone, [workload.id()]);
}

/// A cursor of before a restart is no use.
pub async fn an_observer_of_another_life_sees_everything(bench: &Bench) {
    let workload = bench.once(&[Forever]);
    bench.running(&workload, 1).await;
    let other = Cursor { life: 0, change: 1_000_000 };
    let seen = bench.runtime().observe(Some(other), Duration::from_secs(20)).await.expect("observe");
    assert!(seen.complete && seen.workloads.len() == 1);
}

/// Whoever asks.
pub async fn a_workload_that_breaks_a_rule_is_refused(bench: &Bench) {
    let mut outside = bench.once(&[Exit(0)]);
    outside.mounts[0].at = "/etc/../proc".to_owned();
    let mut system = bench.once(&[Exit(0)]);
    system.mounts[0].at = "/proc/sys".to_owned();
    let mut root = bench.once(&[Exit(0)]);
    root.process.user.uid = 65_536;
    let mut empty = bench.once(&[Exit(0)]);
    empty.process.argv.clear();
    let mut zero = bench.once(&[Exit(0)]);
    zero.process.argv.push("a\0b".to_owned());
    for workload in [outside, system, root, empty, zero] {
        let refused = bench.runtime().apply(workload).await.err();
        assert_eq!(refused.as_ref().map(|error| error.code()), Some("workload"));
    }
}

/// And says something about each thing it looks at.
pub async fn the_doctor_answers(bench: &Bench) {
    let report = bench.runtime().doctor().await.expect("doctor");
    assert!(report.usable(), "{report:#?}");
    assert!(report.checks.iter().all(|check| !check.found.is_empty()));
}
