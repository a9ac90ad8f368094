//! What a job may say of its health checks and of the end of its containers.

use std::ops::RangeInclusive;

use hearth_base::{Error, Result};
use hearth_wire::jobs::{HealthAsk, HealthCheck, PortProtocol};

use super::refusals::wrong_port;
use crate::store::JobSpec;

const START_WITHIN: RangeInclusive<u32> = 1..=3600;
const GRACE: RangeInclusive<u32> = 0..=300;
const INTERVAL: RangeInclusive<u32> = 1..=300;
const TIMEOUT: RangeInclusive<u32> = 1..=60;
const FAILURES: RangeInclusive<u32> = 1..=20;
/// The longest script of a health check.
const MAX_SCRIPT_BYTES: usize = 16 << 10;

/// Refuses checks that cannot be asked, and times that are none.
pub fn check(job: &JobSpec) -> Result<()> {
    let checks = job.checks.clone().unwrap_or_default();
    for (field, check) in [
        ("health_check", &job.health_check),
        ("checks.startup", &checks.startup),
        ("checks.readiness", &checks.readiness),
        ("checks.liveness", &checks.liveness),
    ] {
        if let Some(check) = check {
            check_one(job, field, check)?;
        }
    }
    within("checks.start_within", checks.start_within, START_WITHIN)?;
    within("stop.grace", job.stop.and_then(|stop| stop.grace), GRACE)
}

fn check_one(job: &JobSpec, field: &str, check: &HealthCheck) -> Result<()> {
    let HealthCheck { ask, interval, timeout, failures } = check;
    within(&format!("{field}.interval"), interval.map(u32::from), INTERVAL)?;
    within(&format!("{field}.timeout"), timeout.map(u32::from), TIMEOUT)?;
    within(&format!("{field}.failures"), failures.map(u32::from), FAILURES)?;
    match ask {
        HealthAsk::Script(script)
            if script.trim().is_empty() || script.contains('\0') || script.len() > MAX_SCRIPT_BYTES =>
        {
            return Err(Error::invalid(
                "health-check",
                format!("{field}: its script is empty, has a zero byte, or is longer than 16 KiB"),
            )
            .help("give a command that ends with 0 when the job is well"));
        }
        HealthAsk::Script(_) => return Ok(()),
        HealthAsk::Http(path)
            if !path.starts_with('/')
                || path.len() > 1024
                || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') =>
        {
            return Err(Error::invalid(
                "health-check",
                format!("{field}: {path:.100?} is not the path of a health check"),
            )
            .help("begin it with a slash, as in /healthz"));
        }
        HealthAsk::Http(_) | HealthAsk::Tcp => {}
    }
    if job.port_protocol == Some(PortProtocol::Udp) || job.listen_port().is_none() {
        return Err(wrong_port("a health check by HTTP or TCP needs a TCP port"));
    }
    Ok(())
}

fn within(field: &str, given: Option<u32>, allowed: RangeInclusive<u32>) -> Result<()> {
    match given {
        Some(given) if !allowed.contains(&given) => {
            let (least, most) = allowed.into_inner();
            Err(Error::invalid(
                "health-check",
                format!("field {field} is {given}, and can be {least} to {most}"),
            )
            .help("leave it out to have what is usual"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::jobs::{Checks, JobCreate, StopPolicy};

    fn refused(change: impl FnOnce(&mut JobCreate)) -> String {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        (job.continuous, job.port) = (Some(true), Some(8000));
        change(&mut job);
        JobSpec::from_create(job)
            .and_then(|spec| check(&spec))
            .err()
            .map(|error| error.code().to_owned())
            .unwrap_or_default()
    }

    fn http(path: &str) -> Option<HealthCheck> {
        Some(HealthCheck::of(HealthAsk::Http(path.to_owned())))
    }

    #[test]
    fn a_check_can_be_asked() {
        assert_eq!(refused(|job| job.health_check = http("/healthz")), "");
        assert_eq!(refused(|job| job.health_check = http("healthz")), "health-check");
        assert_eq!(refused(|job| job.health_check = http("/a b\r\nX: y")), "health-check");
        assert_eq!(refused(|job| job.health_check = http("/a#b")), "health-check");
        assert_eq!(refused(|job| (job.health_check, job.port) = (http("/"), None)), "port");
        let live = |check| Some(Checks { liveness: check, ..Checks::default() });
        assert_eq!(refused(|job| job.checks = live(Some(HealthCheck::of(HealthAsk::Tcp)))), "");
        let script = |script: &str| live(Some(HealthCheck::of(HealthAsk::Script(script.to_owned()))));
        assert_eq!(refused(|job| job.checks = script("true")), "");
        for invalid in [" ", "true\0", &"a".repeat(100 << 10)] {
            assert_eq!(refused(|job| job.checks = script(invalid)), "health-check");
        }
    }

    #[test]
    fn times_have_bounds() {
        let slow = Some(HealthCheck { timeout: Some(61), ..HealthCheck::of(HealthAsk::Tcp) });
        assert_eq!(refused(|job| job.health_check = slow), "health-check");
        let never = Some(Checks { start_within: Some(0), ..Checks::default() });
        assert_eq!(refused(|job| job.checks = never), "health-check");
        let long = Some(StopPolicy { grace: Some(301), signal: None });
        assert_eq!(refused(|job| job.stop = long), "health-check");
    }
}
