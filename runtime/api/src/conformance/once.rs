//! Runs: started at most once, with an outcome that is stored until it is acknowledged.

use std::time::Duration;

use hearth_base::Memory;

use crate::{
    Termination, Version, Workload, WorkloadKind,
    conformance::Bench,
    fake::ScriptStep::{
        Await, Exit, Fill, Forever, Hoard, Missing, Open, Out, Raise, ShowEnv, Stubborn, Work,
    },
};

fn next_generation(workload: &Workload) -> Workload {
    let version = Version { generation: workload.version.generation + 1, ..workload.version };
    Workload { version, ..workload.clone() }
}

/// The exit status is reported unchanged.
pub async fn a_run_ends_with_its_status(bench: &Bench) {
    for code in [0, 3, 255] {
        let outcome = bench.run_to_end(&bench.build_run(&[Exit(code)])).await;
        assert_eq!(outcome.end, Termination::Exited { code });
        assert!(!outcome.stopped && outcome.started.is_some_and(|started| started <= outcome.ended));
    }
}

/// Signals and exit statuses are distinguished.
pub async fn a_run_ends_by_a_signal(bench: &Bench) {
    let workload = bench.build_run(&[Raise(9)]);
    let id = bench.apply(&workload).await;
    let end = bench.wait_for_end(id).await.end;
    // The kernel ignores signals from inside a PID namespace to its init process, so a shell as init cannot
    // kill itself.
    assert!(matches!(end, Termination::Killed { signal: 9 } | Termination::Exited { code: 0 }), "{end:?}");
}

/// Repeated applies, also with higher versions, do not start it again.
pub async fn a_run_is_started_at_most_once(bench: &Bench) {
    let workload = bench.build_run(&[Out("started".into()), Await("go".into())]);
    let instance = bench.start_instances(&workload, 1).await[0];
    bench.apply(&workload).await;
    bench.apply(&next_generation(&workload)).await;
    bench.run_steps_in(instance, &[Open("go".into())]).await;
    assert_eq!(bench.run_for_lines(&next_generation(&workload)).await, ["started"]);
    let state = bench.wait_for_state(workload.id(), |state| state.done).await;
    assert_eq!(state.instances.len(), 1);
}

/// A higher generation does not start it either.
pub async fn an_acknowledged_run_never_starts_again(bench: &Bench) {
    let workload = bench.build_run(&[Exit(0)]);
    bench.run_to_end(&workload).await;
    bench.runtime().acknowledge_workload(workload.id()).await.expect("acknowledge");
    bench.runtime().acknowledge_workload(workload.id()).await.expect("acknowledge again");
    let refused = bench.runtime().apply(next_generation(&workload)).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("run-already-done"));
    let seen = bench.runtime().observe_workloads(None, Duration::ZERO).await.expect("observe");
    assert!(seen.workloads.is_empty(), "{seen:?}");
}

/// Acknowledging it would lose its outcome.
pub async fn running_workload_cannot_be_acknowledged(bench: &Bench) {
    let workload = bench.build_run(&[Forever]);
    bench.start_instances(&workload, 1).await;
    let refused = bench.runtime().acknowledge_workload(workload.id()).await;
    assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("not-done"));
}

/// The process can handle the stop signal.
pub async fn a_run_is_stopped_by_its_signal(bench: &Bench) {
    let workload = bench.build_run(&[Out("ready".into()), Forever]);
    let instance = bench.start_instances(&workload, 1).await[0];
    bench.runtime().read_logs(instance, 1, Duration::from_secs(20)).await.expect("logs");
    bench.runtime().stop(workload.id(), workload.version, Duration::from_secs(40)).await.expect("stop");
    let outcome = bench.wait_for_end(workload.id()).await;
    assert!(outcome.stopped, "{outcome:?}");
    assert!(
        matches!(outcome.end, Termination::Exited { code: 0 } | Termination::Killed { signal: 15 }),
        "{outcome:?}"
    );
}

/// A process that ignores the stop signal is killed.
pub async fn a_stubborn_run_is_killed_after_its_grace(bench: &Bench) {
    let workload = bench.build_run(&[Out("ready".into()), Stubborn]);
    let instance = bench.start_instances(&workload, 1).await[0];
    bench.runtime().read_logs(instance, 1, Duration::from_secs(20)).await.expect("logs");
    bench.runtime().stop(workload.id(), workload.version, Duration::from_millis(50)).await.expect("stop");
    let outcome = bench.wait_for_end(workload.id()).await;
    assert_eq!(
        (outcome.end.clone(), outcome.stopped),
        (Termination::Killed { signal: 9 }, true),
        "{outcome:?}"
    );
}

/// The runtime enforces the time limit itself.
pub async fn a_run_ends_at_its_time_limit(bench: &Bench) {
    let mut workload = bench.build_run(&[Forever]);
    if let WorkloadKind::Once { time_limit, .. } = &mut workload.kind {
        *time_limit = Some(Duration::from_millis(300));
    }
    assert_eq!(bench.run_to_end(&workload).await.end, Termination::TimedOut);
}

/// Out of memory is distinguished from other kills.
pub async fn run_beyond_its_memory_limit_ends_as_out_of_memory(bench: &Bench) {
    assert_eq!(bench.run_to_end(&bench.build_run(&[Hoard])).await.end, Termination::OutOfMemory);
}

/// The outcome reports a full disk, and the next run starts with an empty one.
pub async fn run_writes_no_more_than_its_disk_limit(bench: &Bench) {
    for (written, end, full) in [(8, 0, false), (40, 1, true)] {
        let mut workload = bench.build_run(&[Fill(written)]);
        workload.limits.disk = Memory::from_mib(32);
        let outcome = bench.run_to_end(&workload).await;
        assert_eq!(
            (&outcome.end, outcome.disk_full),
            (&Termination::Exited { code: end }, full),
            "{outcome:?}"
        );
    }
    // The next run has a new root file system.
    let mut workload = bench.build_run(&[Fill(24)]);
    workload.limits.disk = Memory::from_mib(32);
    let outcome = bench.run_to_end(&workload).await;
    assert_eq!((outcome.end, outcome.disk_full), (Termination::Exited { code: 0 }, false));
    workload = bench.build_run(&[Exit(0)]);
    workload.limits.disk = Memory::from_mib(1);
    assert!(bench.runtime().apply(workload).await.is_err(), "the disk limit is below the minimum");
}

/// The usage includes all programs of the container, and nothing else.
pub async fn outcome_reports_memory_and_processor_time(bench: &Bench) {
    const BYTES_PER_MIB: u64 = 1 << 20;
    let idle = bench.run_to_end(&bench.build_run(&[Exit(0)])).await;
    let busy = bench.run_to_end(&bench.build_run(&[Work { memory: 30, cpu: 300 }])).await;
    assert_eq!(busy.end, Termination::Exited { code: 0 });
    assert!((30 * BYTES_PER_MIB..=64 * BYTES_PER_MIB).contains(&busy.peak_memory), "{busy:?}");
    assert!(busy.cpu_micros >= 300_000, "{busy:?}");
    assert!((1..20 * BYTES_PER_MIB).contains(&idle.peak_memory), "{idle:?}");
    assert!((1..busy.cpu_micros).contains(&idle.cpu_micros), "{idle:?}");
}

/// The reason is a sentence for users, without internal details.
pub async fn missing_program_is_reported_as_not_started(bench: &Bench) {
    let outcome = bench.run_to_end(&bench.build_run(&[Missing])).await;
    let Termination::NotStarted { reason } = outcome.end else { panic!("{outcome:?}") };
    assert!(!reason.is_empty() && !reason.contains("cleanup") && !reason.contains("/sys/"), "{reason}");
}

/// Values are passed unchanged, without shell expansion.
pub async fn the_environment_arrives(bench: &Bench) {
    let mut workload = bench.build_run(&[ShowEnv("GREETING".into())]);
    workload.process.env.insert("GREETING".into(), hearth_base::Secret::new("good $day 'to' you"));
    assert_eq!(bench.run_for_lines(&workload).await, ["good $day 'to' you"]);
}

/// The runtime opens the value when it starts the process.
pub async fn a_sealed_variable_is_opened_for_its_run(bench: &Bench) {
    for job in [None, Some("web".parse().expect("a name"))] {
        let mut workload = bench.build_run(&[ShowEnv("API_KEY".into())]);
        workload.network.name = Some("web".parse().expect("a name"));
        bench.seal_variable(&mut workload.process, job.as_ref(), "good $day 'to' you").await;
        assert_eq!(bench.run_for_lines(&workload).await, ["good $day 'to' you"]);
    }
}

/// A sealed value cannot be moved to another tool, variable or job.
pub async fn value_sealed_for_another_tool_or_job_is_refused(bench: &Bench) {
    let (web, other) = ("web".parse().expect("a name"), "other".parse().expect("a name"));
    let mut workload = bench.build_run(&[ShowEnv("API_KEY".into())]);
    workload.network.name = Some(other);
    bench.seal_variable(&mut workload.process, Some(&web), "s3cret").await;
    let mut elsewhere =
        Workload { owner: Bench::new_tool().into(), ..bench.build_run(&[ShowEnv("API_KEY".into())]) };
    bench.seal_variable(&mut elsewhere.process, None, "s3cret").await;
    for refused in [workload, elsewhere] {
        let refused = bench.runtime().apply(refused).await;
        assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("secret-closed"));
    }
}
