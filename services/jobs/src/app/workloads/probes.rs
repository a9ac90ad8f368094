//! From a job's health checks to the probes that the runtime sends.

use std::time::Duration;

use hearth_runtime_api::{HttpExpectation, Probe, ProbeCheck, Probes, StartupProbe};
use hearth_wire::jobs::{HealthAsk, HealthCheck};

use crate::{
    app::definition::spec::PAGE_PORT,
    store::{Asked, Plan},
};

/// The time from one probe to the next of a container that has not started.
const STARTUP_PROBE_PERIOD: Duration = Duration::from_millis(500);
/// The same of one that has started, when its job does not say.
const PROBE_PERIOD: Duration = Duration::from_secs(10);
/// The longest time until an answer, when the job does not say.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Consecutive failures until a probe counts as failed when the job does not say.
const PROBE_FAILURE_THRESHOLD: u16 = 3;

/// The probes of a plan's containers.
pub fn make_probes(plan: &Plan) -> Probes {
    let startup = plan.startup().map(|asked| {
        let timeout = match asked {
            Asked::Check(check) => seconds(check.timeout),
            Asked::Page | Asked::Port => None,
        };
        StartupProbe {
            check: startup_check(plan, asked),
            initial_delay: Duration::ZERO,
            period: STARTUP_PROBE_PERIOD,
            timeout: timeout.unwrap_or(PROBE_TIMEOUT),
            deadline: plan.start_within().map(|seconds| Duration::from_secs(seconds.into())),
        }
    });
    let probe = |check: &HealthCheck| Probe {
        check: probe_check(plan, &check.ask),
        initial_delay: Duration::ZERO,
        period: seconds(check.interval).unwrap_or(PROBE_PERIOD),
        timeout: seconds(check.timeout).unwrap_or(PROBE_TIMEOUT),
        success_threshold: 1,
        failure_threshold: check.failures.map_or(PROBE_FAILURE_THRESHOLD, u16::from),
    };
    Probes { startup, readiness: plan.readiness().map(probe), liveness: plan.liveness().map(probe) }
}

fn startup_check(plan: &Plan, asked: Asked<'_>) -> ProbeCheck {
    match asked {
        Asked::Check(check) => probe_check(plan, &check.ask),
        // Servers listen before they have loaded what they serve, and some of it never loads: any answer shows that
        // this one has started.
        Asked::Page => {
            let (path, expect) = ("/".to_owned(), HttpExpectation::AnyAnswer);
            ProbeCheck::HttpGet { path, port: port(plan), expect }
        }
        Asked::Port => ProbeCheck::Tcp { port: port(plan) },
    }
}

fn probe_check(plan: &Plan, ask: &HealthAsk) -> ProbeCheck {
    match ask {
        HealthAsk::Script(script) => {
            ProbeCheck::Exec { argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()] }
        }
        HealthAsk::Http(path) => {
            let (path, expect) = (path.clone(), HttpExpectation::Success);
            ProbeCheck::HttpGet { path, port: port(plan), expect }
        }
        HealthAsk::Tcp => ProbeCheck::Tcp { port: port(plan) },
    }
}

fn port(plan: &Plan) -> u16 {
    plan.port.unwrap_or(PAGE_PORT)
}

fn seconds(given: Option<u16>) -> Option<Duration> {
    given.map(|given| Duration::from_secs(given.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobsSettings;
    use crate::app::definition::plan::{self, tests::image};
    use crate::store::JobSpec;
    use hearth_wire::jobs::{Checks, JobCreate, JobType};

    fn probes_of(change: impl FnOnce(&mut JobCreate)) -> Probes {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        job.continuous = Some(true);
        change(&mut job);
        let (spec, settings) = (JobSpec::from_create(job).unwrap(), JobsSettings::default());
        let plan = plan::plan(&spec, &"hello".parse().unwrap(), &image(true), 0, &settings).unwrap();
        let probes = make_probes(&plan);
        probes.check().unwrap();
        probes
    }

    fn startup(probes: &Probes) -> Option<(&ProbeCheck, Option<Duration>)> {
        probes.startup.as_ref().map(|probe| (&probe.check, probe.deadline))
    }

    #[test]
    fn job_without_a_port_has_no_probes() {
        assert!(probes_of(|_| ()).is_empty());
    }

    #[test]
    fn port_without_a_check_is_probed_until_it_is_open_and_never_restarts() {
        let probes = probes_of(|job| job.port = Some(5000));
        assert_eq!(startup(&probes), Some((&ProbeCheck::Tcp { port: 5000 }, None)));
        assert_eq!((probes.readiness, probes.liveness), (None, None));
        let page = probes_of(|job| (job.continuous, job.job_type) = (None, Some(JobType::Webservice)));
        let expect = HttpExpectation::AnyAnswer;
        let root = ProbeCheck::HttpGet { path: "/".to_owned(), port: PAGE_PORT, expect };
        assert_eq!(startup(&page), Some((&root, None)));
    }

    #[test]
    fn one_check_is_start_readiness_and_liveness() {
        let health = HealthCheck {
            interval: Some(2),
            timeout: Some(1),
            failures: Some(4),
            ..HealthCheck::of(HealthAsk::Tcp)
        };
        let probes = probes_of(|job| (job.port, job.health_check) = (Some(5000), Some(health)));
        let minutes = Some(Duration::from_secs(120));
        assert_eq!(startup(&probes), Some((&ProbeCheck::Tcp { port: 5000 }, minutes)));
        assert!(probes.liveness_is_readiness());
        let readiness = probes.readiness.unwrap();
        let terms = (readiness.period, readiness.timeout, readiness.failure_threshold);
        assert_eq!(terms, (Duration::from_secs(2), Duration::from_secs(1), 4));
    }

    #[test]
    fn checks_of_their_own_come_first() {
        let script = HealthCheck::of(HealthAsk::Script("./alive".to_owned()));
        let checks = Checks { liveness: Some(script), start_within: Some(7), ..Checks::default() };
        let health = HealthCheck::of(HealthAsk::Http("/ready".to_owned()));
        let probes = probes_of(|job| {
            (job.port, job.health_check, job.checks) = (Some(5000), Some(health), Some(checks));
        });
        let http =
            ProbeCheck::HttpGet { path: "/ready".to_owned(), port: 5000, expect: HttpExpectation::Success };
        assert_eq!(startup(&probes), Some((&http, Some(Duration::from_secs(7)))));
        assert_eq!(probes.readiness.as_ref().map(|probe| &probe.check), Some(&http));
        let argv = ["/bin/sh", "-c", "./alive"].map(str::to_owned).to_vec();
        let liveness = probes.liveness.unwrap();
        assert_eq!((liveness.check, liveness.period), (ProbeCheck::Exec { argv }, PROBE_PERIOD));
        assert_eq!(liveness.failure_threshold, PROBE_FAILURE_THRESHOLD);
    }
}
