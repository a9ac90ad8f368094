use std::time::Duration;

use super::*;
use crate::probe::{HttpExpectation, ProbeCheck, ProbeFailure};
use ProbeOutcome::{Failed, Passed};
use ProbePurpose::{Liveness, Readiness, ReadinessAndLiveness, Startup};

const FAILED_PROBE: ProbeOutcome = Failed(ProbeFailure::Status { status: 503 });
const ONE_SECOND: Duration = Duration::from_secs(1);

fn build_http_check(path: &str) -> ProbeCheck {
    ProbeCheck::HttpGet { path: path.to_owned(), port: 8000, expect: HttpExpectation::Success }
}

fn build_probe(path: &str, failure_threshold: u16) -> Probe {
    let (check, initial_delay) = (build_http_check(path), Duration::ZERO);
    Probe {
        check,
        initial_delay,
        period: ONE_SECOND,
        timeout: ONE_SECOND,
        success_threshold: 1,
        failure_threshold,
    }
}

fn build_startup_probe(path: &str, deadline: Option<Duration>) -> StartupProbe {
    let (check, initial_delay) = (build_http_check(path), Duration::ZERO);
    StartupProbe { check, initial_delay, period: ONE_SECOND, timeout: ONE_SECOND, deadline }
}

/// A container that started at the Unix epoch, whose clock advances one second with each outcome.
struct Container {
    probes: Probes,
    tracker: ProbeTracker,
    now: Timestamp,
}

impl Container {
    fn begin(probes: Probes) -> Self {
        let (mut tracker, now) = (ProbeTracker::default(), Timestamp::UNIX_EPOCH);
        tracker.begin_probing(&probes, now);
        Self { probes, tracker, now }
    }

    fn record_probe(&mut self, purpose: ProbePurpose, outcome: ProbeOutcome) -> &Health {
        self.now += SignedDuration::from_secs(1);
        self.tracker.record_outcome(&self.probes, purpose, outcome, Timestamp::UNIX_EPOCH, self.now);
        self.tracker.health()
    }

    fn list_purposes(&self) -> Vec<ProbePurpose> {
        self.tracker.list_purposes(&self.probes)
    }
}

#[test]
fn container_without_probes_is_ready_when_it_runs() {
    let container = Container::begin(Probes::default());
    let health = container.tracker.health();
    assert!(health.started && health.ready);
    assert_eq!(health.first_ready_at, Some(Timestamp::UNIX_EPOCH));
    assert!(container.list_purposes().is_empty());
}

#[test]
fn container_with_a_startup_probe_alone_is_ready_from_its_first_success_on() {
    let probes = Probes { startup: Some(build_startup_probe("/", None)), ..Probes::default() };
    let mut container = Container::begin(probes);
    assert_eq!(container.list_purposes(), [Startup]);
    for _ever in 0..1000 {
        let health = container.record_probe(Startup, FAILED_PROBE);
        assert!(!health.ready && health.restart_reason.is_none());
        assert_eq!(health.failure.as_deref(), Some("GET / returned status 503"));
    }
    let health = container.record_probe(Startup, Passed);
    assert!(health.ready && health.failure.is_none() && health.first_ready_at.is_some());
    assert!(container.list_purposes().is_empty());
}

#[test]
fn container_that_does_not_start_by_its_deadline_is_restarted() {
    let probes =
        Probes { startup: Some(build_startup_probe("/", Some(ONE_SECOND * 3))), ..Probes::default() };
    let mut container = Container::begin(probes);
    container.record_probe(Startup, FAILED_PROBE);
    assert_eq!(container.record_probe(Startup, FAILED_PROBE).restart_reason, None);
    let reason = "it did not start in 3 seconds: GET / returned status 503";
    assert_eq!(container.record_probe(Startup, FAILED_PROBE).restart_reason.as_deref(), Some(reason));
    assert!(container.list_purposes().is_empty());
    assert!(!container.record_probe(Startup, Passed).started, "a restart is requested");
}

#[test]
fn readiness_begins_after_the_start_and_needs_a_success_of_its_own() {
    let probes = Probes {
        startup: Some(build_startup_probe("/started", None)),
        readiness: Some(build_probe("/ready", 3)),
        ..Probes::default()
    };
    let mut container = Container::begin(probes);
    assert!(
        !container.record_probe(Readiness, Passed).ready,
        "readiness is not probed before the startup ends"
    );
    let health = container.record_probe(Startup, Passed);
    assert!(health.started && !health.ready);
    assert_eq!(container.list_purposes(), [Readiness]);
    let health = container.record_probe(Readiness, FAILED_PROBE);
    assert_eq!(health.failure.as_deref(), Some("GET /ready returned status 503"));
    assert!(container.record_probe(Readiness, Passed).ready);
}

#[test]
fn startup_probe_that_is_the_readiness_probe_makes_ready_at_once() {
    let probes = Probes {
        startup: Some(build_startup_probe("/ready", None)),
        readiness: Some(build_probe("/ready", 3)),
        ..Probes::default()
    };
    assert!(Container::begin(probes).record_probe(Startup, Passed).ready);
}

#[test]
fn readiness_is_lost_after_its_consecutive_failures_and_found_again() {
    let mut container =
        Container::begin(Probes { readiness: Some(build_probe("/", 3)), ..Probes::default() });
    let first = container.record_probe(Readiness, Passed).first_ready_at;
    for outcome in [FAILED_PROBE, FAILED_PROBE, Passed, FAILED_PROBE, FAILED_PROBE] {
        let health = container.record_probe(Readiness, outcome);
        assert!(health.ready && health.failure.is_none());
    }
    let health = container.record_probe(Readiness, FAILED_PROBE).clone();
    assert!(!health.ready && health.failure.is_some() && health.restart_reason.is_none());
    assert_eq!(health.ready_changed_at, Some(container.now));
    let health = container.record_probe(Readiness, Passed);
    assert!(health.ready && health.first_ready_at == first && health.ready_changed_at != first);
}

#[test]
fn success_threshold_counts_successes_in_a_row() {
    let readiness = Some(Probe { success_threshold: 2, ..build_probe("/", 1) });
    let mut container = Container::begin(Probes { readiness, ..Probes::default() });
    for (outcome, ready) in [(Passed, false), (FAILED_PROBE, false), (Passed, false), (Passed, true)] {
        assert_eq!(container.record_probe(Readiness, outcome).ready, ready);
    }
}

#[test]
fn liveness_restarts_after_its_consecutive_failures_and_reports_their_number() {
    let mut container =
        Container::begin(Probes { liveness: Some(build_probe("/alive", 2)), ..Probes::default() });
    assert!(container.tracker.health().ready);
    for outcome in [FAILED_PROBE, Passed, FAILED_PROBE] {
        assert_eq!(container.record_probe(Liveness, outcome).restart_reason, None);
    }
    let health = container.record_probe(Liveness, FAILED_PROBE);
    let reason = "GET /alive returned status 503, 2 times in a row";
    assert_eq!((health.ready, health.restart_reason.as_deref()), (false, Some(reason)));
    let once = Probes { liveness: Some(build_probe("/alive", 1)), ..Probes::default() };
    let mut container = Container::begin(once);
    let reason = "GET /alive returned status 503";
    assert_eq!(container.record_probe(Liveness, FAILED_PROBE).restart_reason.as_deref(), Some(reason));
}

#[test]
fn container_to_be_restarted_stays_unready_when_probing_begins_again() {
    let mut container = Container::begin(Probes { liveness: Some(build_probe("/", 1)), ..Probes::default() });
    let health = container.record_probe(Liveness, FAILED_PROBE).clone();
    assert!(!health.ready && health.failure.is_some() && health.restart_reason.is_some());
    for probes in [container.probes.clone(), Probes::default()] {
        let mut tracker = ProbeTracker::new(health.clone());
        tracker.begin_probing(&probes, container.now);
        assert_eq!(tracker.health(), &health);
    }
}

#[test]
fn equal_readiness_and_liveness_probes_are_sent_once() {
    let same = Some(build_probe("/", 2));
    let probes = Probes { readiness: same.clone(), liveness: same, ..Probes::default() };
    let mut container = Container::begin(probes);
    assert_eq!(container.list_purposes(), [ReadinessAndLiveness]);
    assert!(container.record_probe(ReadinessAndLiveness, Passed).ready);
    assert!(container.record_probe(ReadinessAndLiveness, FAILED_PROBE).ready);
    let health = container.record_probe(ReadinessAndLiveness, FAILED_PROBE);
    assert!(!health.ready && health.restart_reason.is_some());
}

#[test]
fn probe_that_could_not_be_sent_changes_nothing() {
    let mut container = Container::begin(Probes { liveness: Some(build_probe("/", 1)), ..Probes::default() });
    let before = container.tracker.clone();
    container.record_probe(Liveness, ProbeOutcome::NotSent);
    assert_eq!(container.tracker, before);
}

#[test]
fn ready_container_stays_ready_in_the_next_life_of_the_runtime_and_under_other_probes() {
    let mut container =
        Container::begin(Probes { readiness: Some(build_probe("/", 2)), ..Probes::default() });
    let health = container.record_probe(Readiness, Passed).clone();
    let mut tracker = ProbeTracker::new(health.clone());
    let others = Probes {
        startup: Some(build_startup_probe("/other", Some(ONE_SECOND))),
        readiness: Some(build_probe("/other", 2)),
        ..Probes::default()
    };
    tracker.begin_probing(&others, container.now);
    assert_eq!(tracker.health(), &health);
    assert_eq!(tracker.list_purposes(&others), [Readiness]);
    let begun = Timestamp::UNIX_EPOCH;
    assert!(!tracker.record_outcome(&others, Readiness, FAILED_PROBE, begun, container.now));
    assert!(tracker.record_outcome(&others, Readiness, FAILED_PROBE, begun, container.now));
    assert!(!tracker.health().ready);
}

#[test]
fn ended_container_is_not_ready() {
    let mut container = Container::begin(Probes::default());
    container.tracker.end_probing(container.now);
    assert!(!container.tracker.health().ready && container.tracker.health().first_ready_at.is_some());
}

#[test]
fn code_names_a_program_that_listens_elsewhere_until_the_container_is_ready() {
    let listens = |loopback| Failed(ProbeFailure::ListensElsewhere { loopback, port: 8000 });
    for probes in [
        Probes { startup: Some(build_startup_probe("/", None)), ..Probes::default() },
        Probes { readiness: Some(build_probe("/", 1)), ..Probes::default() },
    ] {
        let mut container = Container::begin(probes);
        let purpose = container.list_purposes()[0];
        for (outcome, code) in [
            (listens(true), Some(FailureCode::ListensOnLoopback)),
            (listens(false), Some(FailureCode::ListensOnOtherPort)),
            (FAILED_PROBE, Some(FailureCode::Other)),
            (Failed(ProbeFailure::NoConnection), Some(FailureCode::Other)),
            (Passed, None),
        ] {
            assert_eq!(container.record_probe(purpose, outcome).failure_code, code, "{outcome:?}");
        }
    }
}

#[test]
fn failure_code_of_a_newer_runtime_is_read_as_another_failure() -> serde_json::Result<()> {
    let health: Health = serde_json::from_str(r#"{"failure":"it is on fire","failure_code":"burns"}"#)?;
    assert_eq!(health.failure_code, Some(FailureCode::Other));
    let earlier: Health = serde_json::from_str(r#"{"failure":"it has no address yet"}"#)?;
    assert_eq!(earlier.failure_code, None);
    Ok(())
}
