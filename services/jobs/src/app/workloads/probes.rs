//! Builds the probes that the runtime sends from a job's health checks.
//!
//! | job | startup | readiness | liveness |
//! |---|---|---|---|
//! | neither checks nor port | none: ready when it runs | none | none |
//! | port without checks | port accepts a connection; no deadline | none | none |
//! | page without checks | `GET /` is answered with any status; no deadline | none | none |
//! | `health_check` | that check, within 120 seconds | that check | that check |
//! | `checks` | its own, else `health_check`, else `readiness` | its own, else `health_check` | same |
//!
//! Until the startup probe has passed once, the other two are not sent. After it, failing readiness takes the
//! container out of the route, and failing liveness restarts it. A startup probe that passes its deadline
//! restarts it too.

use std::time::Duration;

use hearth_runtime_api::{HttpExpectation, Probe, ProbeCheck, Probes, StartupProbe};
use hearth_wire::jobs::{HealthCheck, HealthProbe};

use crate::{
    app::definition::spec::PAGE_PORT,
    store::{StartupCheck, WorkloadPlan},
};

/// Time between two startup probes.
const STARTUP_PROBE_PERIOD: Duration = Duration::from_millis(500);
/// Time between two readiness or liveness probes by default.
const PROBE_PERIOD: Duration = Duration::from_secs(10);
/// Maximum time until a probe is answered, by default.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Consecutive failures after which a probe counts as failed, by default.
const PROBE_FAILURE_THRESHOLD: u16 = 3;

/// Builds the probes of a plan's containers.
pub fn build_probes(plan: &WorkloadPlan) -> Probes {
    let startup = plan.startup_check().map(|startup| {
        let timeout = match startup {
            StartupCheck::Configured(check) => to_duration(check.timeout),
            StartupCheck::PageAnswers | StartupCheck::PortOpens => None,
        };
        StartupProbe {
            check: startup_check(plan, startup),
            initial_delay: Duration::ZERO,
            // Short, whatever the job's interval: visitors wait for the first success.
            period: STARTUP_PROBE_PERIOD,
            timeout: timeout.unwrap_or(PROBE_TIMEOUT),
            // Without a check by the maintainers there is no deadline: a wrong guess must not restart a slow
            // container.
            deadline: plan.start_within().map(|seconds| Duration::from_secs(seconds.into())),
        }
    });
    let probe = |check: &HealthCheck| Probe {
        check: probe_check(plan, &check.probe),
        initial_delay: Duration::ZERO,
        period: to_duration(check.interval).unwrap_or(PROBE_PERIOD),
        timeout: to_duration(check.timeout).unwrap_or(PROBE_TIMEOUT),
        // One success is enough: the failures before it have already taken the container out of the route.
        success_threshold: 1,
        failure_threshold: check.failures.map_or(PROBE_FAILURE_THRESHOLD, u16::from),
    };
    Probes {
        startup,
        readiness: plan.readiness_check().map(probe),
        liveness: plan.liveness_check().map(probe),
    }
}

fn startup_check(plan: &WorkloadPlan, startup: StartupCheck<'_>) -> ProbeCheck {
    match startup {
        StartupCheck::Configured(check) => probe_check(plan, &check.probe),
        // Servers often listen before their application is loaded, so an open port shows too little. Some
        // applications answer `/` with an error, so any status counts.
        StartupCheck::PageAnswers => {
            let (path, expect) = ("/".to_owned(), HttpExpectation::AnyAnswer);
            ProbeCheck::HttpGet { path, port: probe_port(plan), expect }
        }
        StartupCheck::PortOpens => ProbeCheck::Tcp { port: probe_port(plan) },
    }
}

fn probe_check(plan: &WorkloadPlan, probe: &HealthProbe) -> ProbeCheck {
    match probe {
        HealthProbe::Script(script) => {
            ProbeCheck::Exec { argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()] }
        }
        HealthProbe::Http(path) => {
            let (path, expect) = (path.clone(), HttpExpectation::Success);
            ProbeCheck::HttpGet { path, port: probe_port(plan), expect }
        }
        HealthProbe::Tcp => ProbeCheck::Tcp { port: probe_port(plan) },
    }
}

fn probe_port(plan: &WorkloadPlan) -> u16 {
    plan.port.unwrap_or(PAGE_PORT)
}

fn to_duration(seconds: Option<u16>) -> Option<Duration> {
    seconds.map(|seconds| Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobsSettings;
    use crate::app::definition::plan::{self, tests::build_image};
    use crate::store::JobSpec;
    use hearth_wire::jobs::{Checks, JobCreate, JobType};

    fn build_probes_for(change: impl FnOnce(&mut JobCreate)) -> Probes {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        job.continuous = Some(true);
        change(&mut job);
        let (spec, settings) = (JobSpec::from_create(job).unwrap(), JobsSettings::default());
        let plan =
            plan::build_plan(&spec, &"hello".parse().unwrap(), &build_image(true), 0, &settings).unwrap();
        let probes = build_probes(&plan);
        probes.check_probes().unwrap();
        probes
    }

    fn startup_probe(probes: &Probes) -> Option<(&ProbeCheck, Option<Duration>)> {
        probes.startup.as_ref().map(|probe| (&probe.check, probe.deadline))
    }

    #[test]
    fn job_without_a_port_has_no_probes() {
        assert!(build_probes_for(|_| ()).is_empty());
    }

    #[test]
    fn port_without_a_check_is_probed_until_it_is_open_and_never_restarts() {
        let probes = build_probes_for(|job| job.port = Some(5000));
        assert_eq!(startup_probe(&probes), Some((&ProbeCheck::Tcp { port: 5000 }, None)));
        assert_eq!((probes.readiness, probes.liveness), (None, None));
        let page = build_probes_for(|job| (job.continuous, job.job_type) = (None, Some(JobType::Webservice)));
        let expect = HttpExpectation::AnyAnswer;
        let root = ProbeCheck::HttpGet { path: "/".to_owned(), port: PAGE_PORT, expect };
        assert_eq!(startup_probe(&page), Some((&root, None)));
    }

    #[test]
    fn one_check_is_start_readiness_and_liveness() {
        let health = HealthCheck {
            interval: Some(2),
            timeout: Some(1),
            failures: Some(4),
            ..HealthCheck::from_probe(HealthProbe::Tcp)
        };
        let probes = build_probes_for(|job| (job.port, job.health_check) = (Some(5000), Some(health)));
        let minutes = Some(Duration::from_secs(120));
        assert_eq!(startup_probe(&probes), Some((&ProbeCheck::Tcp { port: 5000 }, minutes)));
        assert!(probes.liveness_is_readiness());
        let readiness = probes.readiness.unwrap();
        let terms = (readiness.period, readiness.timeout, readiness.failure_threshold);
        assert_eq!(terms, (Duration::from_secs(2), Duration::from_secs(1), 4));
    }

    #[test]
    fn separate_checks_override_the_health_check() {
        let script = HealthCheck::from_probe(HealthProbe::Script("./alive".to_owned()));
        let checks = Checks { liveness: Some(script), start_within: Some(7), ..Checks::default() };
        let health = HealthCheck::from_probe(HealthProbe::Http("/ready".to_owned()));
        let probes = build_probes_for(|job| {
            (job.port, job.health_check, job.checks) = (Some(5000), Some(health), Some(checks));
        });
        let http =
            ProbeCheck::HttpGet { path: "/ready".to_owned(), port: 5000, expect: HttpExpectation::Success };
        assert_eq!(startup_probe(&probes), Some((&http, Some(Duration::from_secs(7)))));
        assert_eq!(probes.readiness.as_ref().map(|probe| &probe.check), Some(&http));
        let argv = ["/bin/sh", "-c", "./alive"].map(str::to_owned).to_vec();
        let liveness = probes.liveness.unwrap();
        assert_eq!((liveness.check, liveness.period), (ProbeCheck::Exec { argv }, PROBE_PERIOD));
        assert_eq!(liveness.failure_threshold, PROBE_FAILURE_THRESHOLD);
    }
}
