//! Startup, readiness and liveness probes.

use std::time::Duration;

use crate::{
    ContainerOutcome, Health, HttpExpectation, InstanceId, Probe, ProbeCheck, Probes, StartupProbe,
    Termination, Workload, WorkloadState,
    conformance::Bench,
    fake::ScriptStep::{Await, Exit, Forever, IsOpen, Open, Serve, Shut},
};

/// The port that scripts serve at.
pub(super) const SCRIPT_PORT: u16 = 8000;
const PROBE_PERIOD: Duration = Duration::from_millis(100);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds a probe with a short period that fails after two consecutive failures.
pub(super) fn build_probe(check: ProbeCheck) -> Probe {
    let initial_delay = Duration::ZERO;
    Probe {
        check,
        initial_delay,
        period: PROBE_PERIOD,
        timeout: PROBE_TIMEOUT,
        success_threshold: 1,
        failure_threshold: 2,
    }
}

pub(super) fn build_http_probe(path: &str) -> Probe {
    build_probe(ProbeCheck::HttpGet {
        path: path.to_owned(),
        port: SCRIPT_PORT,
        expect: HttpExpectation::Success,
    })
}

/// Builds a startup probe of the script's port.
pub(super) fn build_startup_probe(deadline: Duration) -> StartupProbe {
    let check = ProbeCheck::Tcp { port: SCRIPT_PORT };
    let (initial_delay, deadline) = (Duration::ZERO, Some(deadline));
    StartupProbe { check, initial_delay, period: PROBE_PERIOD, timeout: PROBE_TIMEOUT, deadline }
}

fn readiness_only(probe: Probe) -> Probes {
    Probes { readiness: Some(probe), ..Probes::default() }
}

fn find_health(state: &WorkloadState, instance: InstanceId) -> Health {
    let found = state.instances.iter().find(|candidate| candidate.id == instance);
    found.map(|instance| instance.health.clone()).unwrap_or_default()
}

pub(super) fn is_ready(state: &WorkloadState, instance: InstanceId) -> bool {
    find_health(state, instance).ready
}

fn find_failure(state: &WorkloadState, instance: InstanceId) -> String {
    find_health(state, instance).failure.unwrap_or_default()
}

fn find_outcome(state: &WorkloadState, instance: InstanceId) -> Option<&ContainerOutcome> {
    state.instances.iter().find(|candidate| candidate.id == instance)?.phase.outcome()
}

/// Waits until the next container of the replica runs.
async fn wait_for_successor(bench: &Bench, instance: InstanceId) -> WorkloadState {
    let next = InstanceId { start: instance.start + 1, ..instance };
    bench
        .wait_for_state(instance.workload, |state| {
            state.running_instances().any(|instance| instance.id == next)
        })
        .await
}

/// It becomes ready at its start, and the time is recorded.
pub async fn container_without_probes_is_ready_when_it_runs(bench: &Bench) {
    let workload = bench.build_set(1, &[Forever]);
    let id = bench.apply(&workload).await;
    let state = bench.wait_for_state(id, |state| state.running_instances().count() == 1).await;
    let instance = state.instances[0].id;
    assert!(is_ready(&state, instance) && find_health(&state, instance).first_ready_at.is_some());
}

/// Until then, its health contains the last failure.
pub async fn container_becomes_ready_when_its_probe_passes(bench: &Bench) {
    let workload = Workload {
        probes: readiness_only(build_http_probe("/ready")),
        ..bench.build_set(1, &[Serve(SCRIPT_PORT), Forever])
    };
    let one = bench.start_instances(&workload, 1).await[0];
    let failure = "GET /ready returned status 404";
    let state = bench.wait_for_state(one.workload, |state| find_failure(state, one) == failure).await;
    assert!(!is_ready(&state, one) && find_health(&state, one).first_ready_at.is_none());
    bench.run_steps_in(one, &[Open("ready".into())]).await;
    let state = bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    assert!(find_failure(&state, one).is_empty() && find_health(&state, one).first_ready_at.is_some());
}

/// Without a liveness probe or startup deadline, it is not restarted.
pub async fn container_that_never_answers_is_not_ready_and_goes_on(bench: &Bench) {
    let probes = readiness_only(build_probe(ProbeCheck::Tcp { port: SCRIPT_PORT }));
    let workload = Workload { probes, ..bench.build_set(1, &[Forever]) };
    let one = bench.start_instances(&workload, 1).await[0];
    let state = bench
        .wait_for_state(one.workload, |state| find_failure(state, one).contains("does it listen on"))
        .await;
    assert!(!is_ready(&state, one) && find_health(&state, one).restart_reason.is_none());
}

/// It continues to run, and can become ready again.
pub async fn container_becomes_unready_again(bench: &Bench) {
    let script = [Open("ready".into()), Serve(SCRIPT_PORT), Forever];
    let workload =
        Workload { probes: readiness_only(build_http_probe("/ready")), ..bench.build_set(1, &script) };
    let one = bench.start_instances(&workload, 1).await[0];
    let first = bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    bench.run_steps_in(one, &[Shut("ready".into())]).await;
    let state = bench.wait_for_state(one.workload, |state| !is_ready(state, one)).await;
    assert!(find_failure(&state, one).contains("404"), "{state:#?}");
    assert_eq!(find_health(&state, one).first_ready_at, find_health(&first, one).first_ready_at);
    bench.run_steps_in(one, &[Open("ready".into())]).await;
    let state = bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    assert_eq!(state.running_instances().map(|instance| instance.id).collect::<Vec<_>>(), [one]);
}

/// The probe has the environment of the container's process.
pub async fn exec_probe_runs_in_the_container(bench: &Bench) {
    let argv = bench.build_process(&[IsOpen("ready".into())]).argv;
    let probes = readiness_only(build_probe(ProbeCheck::Exec { argv }));
    let workload = Workload { probes, ..bench.build_set(1, &[Forever]) };
    let one = bench.start_instances(&workload, 1).await[0];
    let failure = "its health check ended with status 1";
    bench.wait_for_state(one.workload, |state| find_failure(state, one) == failure).await;
    bench.run_steps_in(one, &[Open("ready".into())]).await;
    bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
}

/// The outcome contains the probe's failure.
pub async fn failed_liveness_probe_restarts_the_container(bench: &Bench) {
    let startup = Some(build_startup_probe(Duration::from_secs(50)));
    let probes = Probes { startup, liveness: Some(build_http_probe("/alive")), ..Probes::default() };
    let script = [Open("alive".into()), Serve(SCRIPT_PORT), Forever];
    let workload = Workload { probes, ..bench.build_set(1, &script) };
    let one = bench.start_instances(&workload, 1).await[0];
    bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    bench.run_steps_in(one, &[Shut("alive".into())]).await;
    let state = wait_for_successor(bench, one).await;
    let ended = find_outcome(&state, one).expect("it has ended");
    let reason = "GET /alive returned status 404, 2 times in a row";
    assert_eq!((ended.stopped, ended.probe_failure.as_deref()), (true, Some(reason)));
    assert!(!is_ready(&state, one));
    let two = InstanceId { start: one.start + 1, ..one };
    bench.wait_for_state(one.workload, |state| is_ready(state, two)).await;
}

/// The outcome contains the probe's failure.
pub async fn container_that_misses_its_start_deadline_is_restarted(bench: &Bench) {
    let startup = Some(build_startup_probe(Duration::from_secs(1)));
    let workload =
        Workload { probes: Probes { startup, ..Probes::default() }, ..bench.build_set(1, &[Forever]) };
    let one = bench.start_instances(&workload, 1).await[0];
    let state = wait_for_successor(bench, one).await;
    let reason =
        find_outcome(&state, one).and_then(|outcome| outcome.probe_failure.clone()).unwrap_or_default();
    assert!(reason.starts_with("it did not start in 1 seconds: no connection to port 8000"), "{reason}");
}

/// A probe under way does not change the outcome.
pub async fn container_that_ends_during_a_probe_ends_as_it_does(bench: &Bench) {
    let argv = bench.build_process(&[Await("never".into())]).argv;
    let hanging = Probe { timeout: Duration::from_secs(60), ..build_probe(ProbeCheck::Exec { argv }) };
    let probes = Probes { liveness: Some(hanging), ..Probes::default() };
    let workload = Workload { probes, ..bench.build_set(1, &[Await("go".into()), Exit(3)]) };
    let one = bench.start_instances(&workload, 1).await[0];
    bench.run_steps_in(one, &[Open("go".into())]).await;
    let state = wait_for_successor(bench, one).await;
    let ended = find_outcome(&state, one).expect("it has ended");
    assert_eq!(
        (&ended.end, ended.stopped, &ended.probe_failure),
        (&Termination::Exited { code: 3 }, false, &None)
    );
}

/// The running container is probed with the new probe.
pub async fn change_of_probes_restarts_nothing(bench: &Bench) {
    let script = [Open("new".into()), Serve(SCRIPT_PORT), Forever];
    let workload =
        Workload { probes: readiness_only(build_http_probe("/old")), ..bench.build_set(1, &script) };
    let one = bench.start_instances(&workload, 1).await[0];
    bench.wait_for_state(one.workload, |state| find_failure(state, one).contains("GET /old")).await;
    let mut next = Workload { probes: readiness_only(build_http_probe("/new")), ..workload };
    next.version.generation += 1;
    bench.apply(&next).await;
    let state = bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    assert_eq!(state.running_instances().map(|instance| instance.id).collect::<Vec<_>>(), [one]);
}

/// Only sets are restarted, so probes of a run have no meaning.
pub async fn probes_of_a_run_are_refused(bench: &Bench) {
    let run = Workload { probes: readiness_only(build_http_probe("/")), ..bench.build_run(&[Forever]) };
    let mut set =
        Workload { probes: readiness_only(build_http_probe("no path")), ..bench.build_set(1, &[Forever]) };
    for workload in [run, set.clone()] {
        let refused = bench.runtime().apply(workload).await.err();
        assert_eq!(refused.as_ref().map(|error| error.code()), Some("workload"));
    }
    set.probes = readiness_only(build_http_probe("/path"));
    bench.apply(&set).await;
}

/// Concurrency limits apply per tool.
pub async fn hanging_probes_of_one_tool_delay_no_other(bench: &Bench) {
    let argv = bench.build_process(&[Await("never".into())]).argv;
    let hanging = Probe { timeout: Duration::from_secs(60), ..build_probe(ProbeCheck::Exec { argv }) };
    let many = Workload { probes: readiness_only(hanging), ..bench.build_set(6, &[Forever]) };
    bench.start_instances(&many, 6).await;
    let argv = bench.build_process(&[Exit(0)]).argv;
    let probes = readiness_only(build_probe(ProbeCheck::Exec { argv }));
    let other = Workload { owner: Bench::new_tool().into(), probes, ..bench.build_set(1, &[Forever]) };
    let one = bench.start_instances(&other, 1).await[0];
    bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    let hanging = bench.wait_for_state(many.id(), |_| true).await;
    assert!(hanging.instances.iter().all(|instance| !instance.health.ready), "{hanging:#?}");
}

/// It stays ready until a probe of the next runtime process fails.
pub async fn readiness_survives_a_restart_of_the_runtime(bench: &Bench) {
    let script = [Open("ready".into()), Serve(SCRIPT_PORT), Forever];
    let workload =
        Workload { probes: readiness_only(build_http_probe("/ready")), ..bench.build_set(1, &script) };
    let one = bench.start_instances(&workload, 1).await[0];
    let before = bench.wait_for_state(one.workload, |state| is_ready(state, one)).await;
    bench.restart().await;
    let first = bench.wait_for_state(one.workload, |_| true).await;
    assert_eq!(find_health(&first, one), find_health(&before, one));
    bench.run_steps_in(one, &[Shut("ready".into())]).await;
    bench.wait_for_state(one.workload, |state| !is_ready(state, one)).await;
    let state = bench.wait_for_state(one.workload, |_| true).await;
    assert_eq!(state.running_instances().map(|instance| instance.id).collect::<Vec<_>>(), [one]);
}
