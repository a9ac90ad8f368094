//! Runs: started at most once, their outcome kept until acknowledged.

use std::time::Duration;

use hearth_base::Memory;

use crate::{
    End, Version, Workload, WorkloadKind,
    conformance::Bench,
    fake::Step::{Await, Exit, Fill, Forever, Hoard, Missing, Open, Out, Raise, ShowEnv, Stubborn, Work},
};

fn next(workload: &Workload) -> Workload {
    let version = Version { generation: workload.version.generation + 1, ..workload.version };
    Workload { version, ..workload.clone() }
}

/// Exit statuses arrive as they were.
pub async fn a_run_ends_with_its_status(bench: &Bench) {
    for code in [0, 3, 255] {
        let outcome = bench.outcome(&bench.once(&[Exit(code)])).await;
        assert_eq!(outcome.end, End::Exited { code });
        assert!(!outcome.stopped && outcome.started.is_some_and(|started| started <= outcome.ended));
    }
}

/// Signals are told apart from statuses.
pub async fn a_run_ends_by_a_signal(bench: &Bench) {
    let workload = bench.once(&[Raise(9)]);
    let id = bench.apply(&workload).await;
    let end = bench.ended(id).await.end;
    // A shell that is the first process of its container can't kill itself: the kernel shields it.
    assert!(matches!(end, End::Killed { signal: 9 } | End::Exited { code: 0 }), "{end:?}");
}

/// However often it is applied.
pub async fn a_run_is_started_at_most_once(bench: &Bench) {
    let workload = bench.once(&[Out("started".into()), Await("go".into())]);
    let instance = bench.running(&workload, 1).await[0];
    bench.apply(&workload).await;
    bench.apply(&next(&workload)).await;
    bench.run_in(instance, &[Open("go".into())]).await;
    assert_eq!(bench.lines(&next(&workload)).await, ["started"]);
    let state = bench.until(workload.id(), |state| state.done).await;
    assert_eq!(state.instances.len(), 1);
}

/// Not even with a higher generation.
pub async fn an_acknowledged_run_never_starts_again(bench: &Bench) {
    let workload = bench.once(&[Exit(0)]);
    bench.outcome(&workload).await;
    bench.runtime().acknowledge(workload.id()).await.expect("acknowledge");
    bench.runtime().acknowledge(workload.id()).await.expect("acknowledge again");
    let refused = bench.runtime().apply(next(&workload)).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("run-already-done"));
    let seen = bench.runtime().observe(None, Duration::ZERO).await.expect("observe");
    assert!(seen.workloads.is_empty(), "{seen:?}");
}

/// Its outcome would be lost.
pub async fn what_runs_cannot_be_acknowledged(bench: &Bench) {
    let workload = bench.once(&[Forever]);
    bench.running(&workload, 1).await;
    let refused = bench.runtime().acknowledge(workload.id()).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("not-done"));
}

/// And may end well.
pub async fn a_run_is_stopped_by_its_signal(bench: &Bench) {
    let workload = bench.once(&[Out("ready".into()), Forever]);
    let instance = bench.running(&workload, 1).await[0];
    bench.runtime().logs(instance, 1, Duration::from_secs(20)).await.expect("logs");
    bench.runtime().stop(workload.id(), workload.version, Duration::from_secs(40)).await.expect("stop");
    let outcome = bench.ended(workload.id()).await;
    assert!(outcome.stopped, "{outcome:?}");
    assert!(matches!(outcome.end, End::Exited { code: 0 } | End::Killed { signal: 15 }), "{outcome:?}");
}

/// Not listening does not help.
pub async fn a_stubborn_run_is_killed_after_its_grace(bench: &Bench) {
    let workload = bench.once(&[Out("ready".into()), Stubborn]);
    let instance = bench.running(&workload, 1).await[0];
    bench.runtime().logs(instance, 1, Duration::from_secs(20)).await.expect("logs");
    bench.runtime().stop(workload.id(), workload.version, Duration::from_millis(50)).await.expect("stop");
    let outcome = bench.ended(workload.id()).await;
    assert_eq!((outcome.end.clone(), outcome.stopped), (End::Killed { signal: 9 }, true), "{outcome:?}");
}

/// Without anybody's help.
pub async fn a_run_ends_at_its_time_limit(bench: &Bench) {
    let mut workload = bench.once(&[Forever]);
    if let WorkloadKind::Once { time_limit, .. } = &mut workload.kind {
        *time_limit = Some(Duration::from_millis(300));
    }
    assert_eq!(bench.outcome(&workload).await.end, End::TimedOut);
}

/// Out of memory is not just any kill.
pub async fn a_run_that_needs_too_much_memory_is_told_apart(bench: &Bench) {
    assert_eq!(bench.outcome(&bench.once(&[Hoard])).await.end, End::OutOfMemory);
}

/// And no more, and its outcome says so.
pub async fn a_run_writes_as_much_as_its_disk_holds(bench: &Bench) {
    for (written, end, full) in [(8, 0, false), (40, 1, true)] {
        let mut workload = bench.once(&[Fill(written)]);
        workload.limits.disk = Memory::mib(32);
        let outcome = bench.outcome(&workload).await;
        assert_eq!((&outcome.end, outcome.disk_full), (&End::Exited { code: end }, full), "{outcome:?}");
    }
    // The next one has all of its own again.
    let mut workload = bench.once(&[Fill(24)]);
    workload.limits.disk = Memory::mib(32);
    let outcome = bench.outcome(&workload).await;
    assert_eq!((outcome.end, outcome.disk_full), (End::Exited { code: 0 }, false));
    workload = bench.once(&[Exit(0)]);
    workload.limits.disk = Memory::mib(1);
    assert!(bench.runtime().apply(workload).await.is_err(), "hardly a file fits");
}

/// Of all its programs together, and of nothing else.
pub async fn an_outcome_says_what_was_used(bench: &Bench) {
    const MIB: u64 = 1 << 20;
    let idle = bench.outcome(&bench.once(&[Exit(0)])).await;
    let busy = bench.outcome(&bench.once(&[Work { memory: 30, cpu: 300 }])).await;
    assert_eq!(busy.end, End::Exited { code: 0 });
    assert!((30 * MIB..=64 * MIB).contains(&busy.peak_memory), "{busy:?}");
    assert!(busy.cpu_micros >= 300_000, "{busy:?}");
    assert!((1..20 * MIB).contains(&idle.peak_memory), "{idle:?}");
    assert!((1..busy.cpu_micros).contains(&idle.cpu_micros), "{idle:?}");
}

/// With a reason for people.
pub async fn a_missing_program_is_told(bench: &Bench) {
    let outcome = bench.outcome(&bench.once(&[Missing])).await;
    let End::NotStarted { reason } = outcome.end else { panic!("{outcome:?}") };
    assert!(!reason.is_empty() && !reason.contains("cleanup") && !reason.contains("/sys/"), "{reason}");
}

/// Exactly as given.
pub async fn the_environment_arrives(bench: &Bench) {
    let mut workload = bench.once(&[ShowEnv("GREETING".into())]);
    workload.process.env.insert("GREETING".into(), hearth_base::Secret::new("good $day 'to' you"));
    assert_eq!(bench.lines(&workload).await, ["good $day 'to' you"]);
}

/// By the runtime alone, and only when it starts.
pub async fn a_sealed_variable_is_opened_for_its_run(bench: &Bench) {
    for job in [None, Some("web".parse().expect("a name"))] {
        let mut workload = bench.once(&[ShowEnv("API_KEY".into())]);
        workload.network.name = Some("web".parse().expect("a name"));
        bench.seal(&mut workload.process, job.as_ref(), "good $day 'to' you").await;
        assert_eq!(bench.lines(&workload).await, ["good $day 'to' you"]);
    }
}

/// A value that is taken from one tool, variable or job to another.
pub async fn what_was_sealed_for_another_is_refused(bench: &Bench) {
    let (web, other) = ("web".parse().expect("a name"), "other".parse().expect("a name"));
    let mut workload = bench.once(&[ShowEnv("API_KEY".into())]);
    workload.network.name = Some(other);
    bench.seal(&mut workload.process, Some(&web), "s3cret").await;
    let mut elsewhere =
        Workload { owner: Bench::new_tool().into(), ..bench.once(&[ShowEnv("API_KEY".into())]) };
    bench.seal(&mut elsewhere.process, None, "s3cret").await;
    for refused in [workload, elsewhere] {
        let refused = bench.runtime().apply(refused).await;
        assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("secret-closed"));
    }
}
