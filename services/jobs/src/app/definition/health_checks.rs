//! Validates the health checks and the stop policy of a job.

use std::ops::RangeInclusive;

use hearth_base::{Error, Result};
use hearth_wire::jobs::{HealthCheck, HealthProbe, PortProtocol};

use super::refusals::port_error;
use crate::store::JobSpec;

const START_WITHIN_SECONDS: RangeInclusive<u32> = 1..=3600;
const STOP_GRACE_SECONDS: RangeInclusive<u32> = 0..=300;
const CHECK_INTERVAL_SECONDS: RangeInclusive<u32> = 1..=300;
const CHECK_TIMEOUT_SECONDS: RangeInclusive<u32> = 1..=60;
const CHECK_FAILURES_RANGE: RangeInclusive<u32> = 1..=20;
/// Maximum length of a health check's script.
const MAX_SCRIPT_BYTES: usize = 16 << 10;

/// Validates all checks and times of a job: `health-check` or `port` (invalid).
pub fn validate_checks(job: &JobSpec) -> Result<()> {
    let checks = job.checks.clone().unwrap_or_default();
    for (field, check) in [
        ("health_check", &job.health_check),
        ("checks.startup", &checks.startup),
        ("checks.readiness", &checks.readiness),
        ("checks.liveness", &checks.liveness),
    ] {
        if let Some(check) = check {
            validate_check(job, field, check)?;
        }
    }
    check_range("checks.start_within", checks.start_within, START_WITHIN_SECONDS)?;
    check_range("stop.grace", job.stop.and_then(|stop| stop.grace), STOP_GRACE_SECONDS)
}

fn validate_check(job: &JobSpec, field: &str, check: &HealthCheck) -> Result<()> {
    let HealthCheck { probe, interval, timeout, failures } = check;
    check_range(&format!("{field}.interval"), interval.map(u32::from), CHECK_INTERVAL_SECONDS)?;
    check_range(&format!("{field}.timeout"), timeout.map(u32::from), CHECK_TIMEOUT_SECONDS)?;
    check_range(&format!("{field}.failures"), failures.map(u32::from), CHECK_FAILURES_RANGE)?;
    match probe {
        HealthProbe::Script(script)
            if script.trim().is_empty() || script.contains('\0') || script.len() > MAX_SCRIPT_BYTES =>
        {
            return Err(Error::invalid(
                "health-check",
                format!(
                    "{field} has an invalid script: it is empty, contains a NUL byte or is longer than 16 KiB"
                ),
            )
            .help("give a command that exits with 0 when the job is healthy"));
        }
        HealthProbe::Script(_) => return Ok(()),
        HealthProbe::Http(path)
            if !path.starts_with('/')
                || path.len() > 1024
                || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') =>
        {
            return Err(Error::invalid("health-check", format!("{field} has an invalid path: {path:.100?}"))
                .help("begin it with a slash, as in /healthz"));
        }
        HealthProbe::Http(_) | HealthProbe::Tcp => {}
    }
    if job.port_protocol == Some(PortProtocol::Udp) || job.listen_port().is_none() {
        return Err(port_error("health checks of type http and tcp need a TCP port"));
    }
    Ok(())
}

fn check_range(field: &str, value: Option<u32>, allowed: RangeInclusive<u32>) -> Result<()> {
    match value {
        Some(value) if !allowed.contains(&value) => {
            let (min, max) = allowed.into_inner();
            Err(Error::invalid(
                "health-check",
                format!("field {field} is out of range: {value}; expected {min} to {max}"),
            )
            .help("leave the field out to use its default"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::jobs::{Checks, JobCreate, StopPolicy};

    fn refusal_code(change: impl FnOnce(&mut JobCreate)) -> String {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        (job.continuous, job.port) = (Some(true), Some(8000));
        change(&mut job);
        JobSpec::from_create(job)
            .and_then(|spec| validate_checks(&spec))
            .err()
            .map(|error| error.code().to_owned())
            .unwrap_or_default()
    }

    fn http_check(path: &str) -> Option<HealthCheck> {
        Some(HealthCheck::from_probe(HealthProbe::Http(path.to_owned())))
    }

    #[test]
    fn invalid_checks_are_refused() {
        assert_eq!(refusal_code(|job| job.health_check = http_check("/healthz")), "");
        assert_eq!(refusal_code(|job| job.health_check = http_check("healthz")), "health-check");
        assert_eq!(refusal_code(|job| job.health_check = http_check("/a b\r\nX: y")), "health-check");
        assert_eq!(refusal_code(|job| job.health_check = http_check("/a#b")), "health-check");
        assert_eq!(refusal_code(|job| (job.health_check, job.port) = (http_check("/"), None)), "port");
        let live = |check| Some(Checks { liveness: check, ..Checks::default() });
        assert_eq!(
            refusal_code(|job| job.checks = live(Some(HealthCheck::from_probe(HealthProbe::Tcp)))),
            ""
        );
        let script =
            |script: &str| live(Some(HealthCheck::from_probe(HealthProbe::Script(script.to_owned()))));
        assert_eq!(refusal_code(|job| job.checks = script("true")), "");
        for invalid in [" ", "true\0", &"a".repeat(100 << 10)] {
            assert_eq!(refusal_code(|job| job.checks = script(invalid)), "health-check");
        }
    }

    #[test]
    fn times_outside_their_range_are_refused() {
        let slow = Some(HealthCheck { timeout: Some(61), ..HealthCheck::from_probe(HealthProbe::Tcp) });
        assert_eq!(refusal_code(|job| job.health_check = slow), "health-check");
        let never = Some(Checks { start_within: Some(0), ..Checks::default() });
        assert_eq!(refusal_code(|job| job.checks = never), "health-check");
        let long = Some(StopPolicy { grace: Some(301), signal: None });
        assert_eq!(refusal_code(|job| job.stop = long), "health-check");
    }
}
