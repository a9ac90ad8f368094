//! Start-up, readiness and liveness, found out by probes.

use std::time::Duration;

use crate::{
    End, Health, HttpExpectation, InstanceId, Outcome, Probe, ProbeCheck, Probes, StartupProbe, Workload,
    WorkloadState,
    conformance::Bench,
    fake::Step::{Await, Exit, Forever, IsOpen, Open, Serve, Shut},
};

/// The port at which scripts serve.
pub(super) const SCRIPT_PORT: u16 = 8000;
const PROBE_PERIOD: Duration = Duration::from_millis(100);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// A probe that is sent often, and fails after two failures.
pub(super) fn probe(check: ProbeCheck) -> Probe {
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

pub(super) fn http(path: &str) -> Probe {
    probe(ProbeCheck::HttpGet { path: path.to_owned(), port: SCRIPT_PORT, expect: HttpExpectation::Success })
}

/// A start-up probe of the script's port.
pub(super) fn start_within(deadline: Duration) -> StartupProbe {
    let check = ProbeCheck::Tcp { port: SCRIPT_PORT };
    let (initial_delay, deadline) = (Duration::ZERO, Some(deadline));
    StartupProbe { check, initial_delay, period: PROBE_PERIOD, timeout: PROBE_TIMEOUT, deadline }
}

fn readiness(probe: Probe) -> Probes {
    Probes { readiness: Some(probe), ..Probes::default() }
}

fn health(state: &WorkloadState, instance: InstanceId) -> Health {
    let found = state.instances.iter().find(|known| known.id == instance);
    found.map(|known| known.health.clone()).unwrap_or_default()
}

pub(super) fn is_ready(state: &WorkloadState, instance: InstanceId) -> bool {
    health(state, instance).ready
}

fn failure(state: &WorkloadState, instance: InstanceId) -> String {
    health(state, instance).failure.unwrap_or_default()
}

fn outcome(state: &WorkloadState, instance: InstanceId) -> Option<&Outcome> {
    state.instances.iter().find(|known| known.id == instance)?.phase.outcome()
}

/// Waits until the container behind this one runs.
async fn successor(bench: &Bench, instance: InstanceId) -> WorkloadState {
    let next = InstanceId { start: instance.start + 1, ..instance };
    bench.until(instance.workload, |state| state.running().any(|known| known.id == next)).await
}

/// From then on, and not before.
pub async fn container_without_probes_is_ready_when_it_runs(bench: &Bench) {
    let workload = bench.keep(1, &[Forever]);
    let id = bench.apply(&workload).await;
    let state = bench.until(id, |state| state.running().count() == 1).await;
    let instance = state.instances[0].id;
    assert!(is_ready(&state, instance) && health(&state, instance).first_ready_at.is_some());
}

/// And says why it was not until then.
pub async fn container_becomes_ready_when_its_probe_passes(bench: &Bench) {
    let workload =
        Workload { probes: readiness(http("/ready")), ..bench.keep(1, &[Serve(SCRIPT_PORT), Forever]) };
    let one = bench.running(&workload, 1).await[0];
    let said = "GET /ready was answered with 404";
    let state = bench.until(one.workload, |state| failure(state, one) == said).await;
    assert!(!is_ready(&state, one) && health(&state, one).first_ready_at.is_none());
    bench.run_in(one, &[Open("ready".into())]).await;
    let state = bench.until(one.workload, |state| is_ready(state, one)).await;
    assert!(failure(&state, one).is_empty() && health(&state, one).first_ready_at.is_some());
}

/// Without a deadline nothing is done about it.
pub async fn container_that_never_answers_is_not_ready_and_goes_on(bench: &Bench) {
    let probes = readiness(probe(ProbeCheck::Tcp { port: SCRIPT_PORT }));
    let workload = Workload { probes, ..bench.keep(1, &[Forever]) };
    let one = bench.running(&workload, 1).await[0];
    let state = bench.until(one.workload, |state| failure(state, one).contains("does it listen on")).await;
    assert!(!is_ready(&state, one) && health(&state, one).restart_reason.is_none());
}

/// It goes on, and becomes ready once more.
pub async fn container_becomes_unready_again(bench: &Bench) {
    let script = [Open("ready".into()), Serve(SCRIPT_PORT), Forever];
    let workload = Workload { probes: readiness(http("/ready")), ..bench.keep(1, &script) };
    let one = bench.running(&workload, 1).await[0];
    let first = bench.until(one.workload, |state| is_ready(state, one)).await;
    bench.run_in(one, &[Shut("ready".into())]).await;
    let state = bench.until(one.workload, |state| !is_ready(state, one)).await;
    assert!(failure(&state, one).contains("404"), "{state:#?}");
    assert_eq!(health(&state, one).first_ready_at, health(&first, one).first_ready_at);
    bench.run_in(one, &[Open("ready".into())]).await;
    let state = bench.until(one.workload, |state| is_ready(state, one)).await;
    assert_eq!(state.running().map(|instance| instance.id).collect::<Vec<_>>(), [one]);
}

/// With the environment of its first process.
pub async fn exec_probe_runs_in_the_container(bench: &Bench) {
    let argv = bench.process(&[IsOpen("ready".into())]).argv;
    let probes = readiness(probe(ProbeCheck::Exec { argv }));
    let workload = Workload { probes, ..bench.keep(1, &[Forever]) };
    let one = bench.running(&workload, 1).await[0];
    let said = "its health check ended with status 1";
    bench.until(one.workload, |state| failure(state, one) == said).await;
    bench.run_in(one, &[Open("ready".into())]).await;
    bench.until(one.workload, |state| is_ready(state, one)).await;
}

/// Its outcome says why.
pub async fn failed_liveness_probe_restarts_the_container(bench: &Bench) {
    let startup = Some(start_within(Duration::from_secs(50)));
    let probes = Probes { startup, liveness: Some(http("/alive")), ..Probes::default() };
    let script = [Open("alive".into()), Serve(SCRIPT_PORT), Forever];
    let workload = Workload { probes, ..bench.keep(1, &script) };
    let one = bench.running(&workload, 1).await[0];
    bench.until(one.workload, |state| is_ready(state, one)).await;
    bench.run_in(one, &[Shut("alive".into())]).await;
    let state = successor(bench, one).await;
    let ended = outcome(&state, one).expect("it has ended");
    let reason = "GET /alive was answered with 404, 2 times in a row";
    assert_eq!((ended.stopped, ended.unhealthy.as_deref()), (true, Some(reason)));
    assert!(!is_ready(&state, one));
    let two = InstanceId { start: one.start + 1, ..one };
    bench.until(one.workload, |state| is_ready(state, two)).await;
}

/// Its outcome says why.
pub async fn container_that_misses_its_start_deadline_is_restarted(bench: &Bench) {
    let startup = Some(start_within(Duration::from_secs(1)));
    let workload = Workload { probes: Probes { startup, ..Probes::default() }, ..bench.keep(1, &[Forever]) };
    let one = bench.running(&workload, 1).await[0];
    let state = successor(bench, one).await;
    let reason = outcome(&state, one).and_then(|outcome| outcome.unhealthy.clone()).unwrap_or_default();
    assert!(reason.starts_with("it did not start in 1 seconds: nothing answers at port 8000"), "{reason}");
}

/// Whatever the probe would have found out.
pub async fn container_that_ends_during_a_probe_ends_as_it_does(bench: &Bench) {
    let argv = bench.process(&[Await("never".into())]).argv;
    let hanging = Probe { timeout: Duration::from_secs(60), ..probe(ProbeCheck::Exec { argv }) };
    let probes = Probes { liveness: Some(hanging), ..Probes::default() };
    let workload = Workload { probes, ..bench.keep(1, &[Await("go".into()), Exit(3)]) };
    let one = bench.running(&workload, 1).await[0];
    bench.run_in(one, &[Open("go".into())]).await;
    let state = successor(bench, one).await;
    let ended = outcome(&state, one).expect("it has ended");
    assert_eq!((&ended.end, ended.stopped, &ended.unhealthy), (&End::Exited { code: 3 }, false, &None));
}

/// The same container is asked the new question.
pub async fn change_of_probes_restarts_nothing(bench: &Bench) {
    let script = [Open("new".into()), Serve(SCRIPT_PORT), Forever];
    let workload = Workload { probes: readiness(http("/old")), ..bench.keep(1, &script) };
    let one = bench.running(&workload, 1).await[0];
    bench.until(one.workload, |state| failure(state, one).contains("GET /old")).await;
    let mut next = Workload { probes: readiness(http("/new")), ..workload };
    next.version.generation += 1;
    bench.apply(&next).await;
    let state = bench.until(one.workload, |state| is_ready(state, one)).await;
    assert_eq!(state.running().map(|instance| instance.id).collect::<Vec<_>>(), [one]);
}

/// A run ends by itself, and is not started again.
pub async fn probes_of_a_run_are_refused(bench: &Bench) {
    let run = Workload { probes: readiness(http("/")), ..bench.once(&[Forever]) };
    let mut set = Workload { probes: readiness(http("no path")), ..bench.keep(1, &[Forever]) };
    for workload in [run, set.clone()] {
        let refused = bench.runtime().apply(workload).await.err();
        assert_eq!(refused.as_ref().map(|error| error.code()), Some("workload"));
    }
    set.probes = readiness(http("/path"));
    bench.apply(&set).await;
}

/// However many there are.
pub async fn hanging_probes_of_one_tool_delay_no_other(bench: &Bench) {
    let argv = bench.process(&[Await("never".into())]).argv;
    let hanging = Probe { timeout: Duration::from_secs(60), ..probe(ProbeCheck::Exec { argv }) };
    let many = Workload { probes: readiness(hanging), ..bench.keep(6, &[Forever]) };
    bench.running(&many, 6).await;
    let argv = bench.process(&[Exit(0)]).argv;
    let probes = readiness(probe(ProbeCheck::Exec { argv }));
    let other = Workload { owner: Bench::new_tool().into(), probes, ..bench.keep(1, &[Forever]) };
    let one = bench.running(&other, 1).await[0];
    bench.until(one.workload, |state| is_ready(state, one)).await;
    let hanging = bench.until(many.id(), |_| true).await;
    assert!(hanging.instances.iter().all(|instance| !instance.health.ready), "{hanging:#?}");
}

/// It is ready until a probe of the next process fails.
pub async fn readiness_survives_a_restart_of_the_runtime(bench: &Bench) {
    let script = [Open("ready".into()), Serve(SCRIPT_PORT), Forever];
    let workload = Workload { probes: readiness(http("/ready")), ..bench.keep(1, &script) };
    let one = bench.running(&workload, 1).await[0];
    let before = bench.until(one.workload, |state| is_ready(state, one)).await;
    bench.restart().await;
    let first = bench.until(one.workload, |_| true).await;
    assert_eq!(health(&first, one), health(&before, one));
    bench.run_in(one, &[Shut("ready".into())]).await;
    bench.until(one.workload, |state| !is_ready(state, one)).await;
    let state = bench.until(one.workload, |_| true).await;
    assert_eq!(state.running().map(|instance| instance.id).collect::<Vec<_>>(), [one]);
}
