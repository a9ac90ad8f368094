//! Validation of probes. Every runtime validates its input itself.

use std::{ops::RangeInclusive, time::Duration};

use hearth_base::{Error, Result};

use super::{Probe, ProbeCheck, Probes, StartupProbe};

const PROBE_PERIOD: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
const PROBE_TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
const STARTUP_DEADLINE: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(24 * 3600);
const MAX_INITIAL_DELAY: Duration = Duration::from_secs(3600);
const PROBE_THRESHOLD: RangeInclusive<u16> = 1..=100;
const MAX_PATH_BYTES: usize = 1024;
/// Maximum size of an exec check's arguments together.
const MAX_ARGV_BYTES: usize = 64 << 10;

impl Probes {
    /// Validates the probes. Error `workload` with the violated rule.
    pub fn check_probes(&self) -> Result<()> {
        let Self { startup, readiness, liveness } = self;
        if let Some(StartupProbe { check, initial_delay, period, timeout, deadline }) = startup {
            check_terms("start-up", check, *initial_delay, *period, *timeout)?;
            if let Some(deadline) = deadline {
                check_range("start-up", "deadline", *deadline, &STARTUP_DEADLINE)?;
            }
        }
        for (name, probe) in [("readiness", readiness), ("liveness", liveness)] {
            let Some(probe) = probe else { continue };
            let Probe { check, initial_delay, period, timeout, success_threshold, failure_threshold } = probe;
            check_terms(name, check, *initial_delay, *period, *timeout)?;
            if !PROBE_THRESHOLD.contains(success_threshold) || !PROBE_THRESHOLD.contains(failure_threshold) {
                return Err(refuse_probe(format!(
                    "the {name} probe has a threshold out of range; allowed: 1 to 100"
                )));
            }
        }
        // A container that fails its liveness probe is restarted at once, so successes after a failure are
        // never counted.
        if liveness.as_ref().is_some_and(|probe| probe.success_threshold != 1) {
            return Err(refuse_probe(
                "the liveness probe has an invalid success threshold; allowed: 1".to_owned(),
            ));
        }
        Ok(())
    }
}

fn check_terms(
    name: &str,
    check: &ProbeCheck,
    initial_delay: Duration,
    period: Duration,
    timeout: Duration,
) -> Result<()> {
    check_range(name, "period", period, &PROBE_PERIOD)?;
    check_range(name, "timeout", timeout, &PROBE_TIMEOUT)?;
    check_range(name, "initial delay", initial_delay, &(Duration::ZERO..=MAX_INITIAL_DELAY))?;
    match check {
        ProbeCheck::HttpGet { port: 0, .. } | ProbeCheck::Tcp { port: 0 } => {
            Err(refuse_probe(format!("the {name} probe has port 0; allowed: 1 to 65535")))
        }
        ProbeCheck::HttpGet { path, .. } if !is_path(path) => {
            Err(refuse_probe(format!("the {name} probe has an invalid path: {path:.100?}; expected /PATH")))
        }
        ProbeCheck::Exec { argv } if !is_command(argv) => Err(refuse_probe(format!(
            "the {name} probe has an invalid program; allowed: a program without NUL bytes, up to 64 KiB"
        ))),
        ProbeCheck::HttpGet { .. } | ProbeCheck::Tcp { .. } | ProbeCheck::Exec { .. } => Ok(()),
    }
}

/// True for a path that is a valid request target without encoding (RFC 9112, section 3.2.1), so that it
/// cannot end the request line.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= MAX_PATH_BYTES
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn is_command(argv: &[String]) -> bool {
    argv.first().is_some_and(|program| !program.is_empty())
        && argv.iter().map(|text| text.len() + 1).sum::<usize>() <= MAX_ARGV_BYTES
        && !argv.iter().any(|text| text.contains('\0'))
}

fn check_range(
    name: &str,
    field: &str,
    duration: Duration,
    allowed: &RangeInclusive<Duration>,
) -> Result<()> {
    if allowed.contains(&duration) {
        return Ok(());
    }
    let (least, most) = (allowed.start(), allowed.end());
    Err(refuse_probe(format!(
        "the {name} probe has an invalid {field}: {duration:?}; allowed: {least:?} to {most:?}"
    )))
}

fn refuse_probe(public: String) -> Error {
    Error::invalid("workload", public)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::HttpExpectation;

    fn build_http_probe(path: &str, port: u16) -> Probe {
        let check = ProbeCheck::HttpGet { path: path.to_owned(), port, expect: HttpExpectation::Success };
        let (period, timeout) = (Duration::from_secs(1), Duration::from_secs(1));
        let initial_delay = Duration::ZERO;
        Probe { check, initial_delay, period, timeout, success_threshold: 1, failure_threshold: 3 }
    }

    fn check_readiness(probe: Probe) -> Result<()> {
        Probes { readiness: Some(probe), ..Probes::default() }.check_probes()
    }

    #[test]
    fn a_probe_within_its_bounds_is_accepted() {
        assert!(check_readiness(build_http_probe("/healthz?full=1", 8000)).is_ok());
        assert!(Probes::default().check_probes().is_ok());
    }

    #[test]
    fn a_path_that_would_end_the_request_line_is_refused() {
        let long = format!("/{}", "a".repeat(1024));
        for path in ["", "healthz", "/a b", "/a\r\nHost: other", "/a\0", "/é", "/a#b", long.as_str()] {
            assert!(check_readiness(build_http_probe(path, 8000)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_probe_out_of_its_bounds_is_refused() {
        let second = Duration::from_secs(1);
        assert!(check_readiness(build_http_probe("/", 0)).is_err());
        assert!(
            check_readiness(Probe { period: Duration::from_millis(99), ..build_http_probe("/", 1) }).is_err()
        );
        assert!(check_readiness(Probe { timeout: second * 61, ..build_http_probe("/", 1) }).is_err());
        assert!(check_readiness(Probe { initial_delay: second * 3601, ..build_http_probe("/", 1) }).is_err());
        assert!(check_readiness(Probe { failure_threshold: 0, ..build_http_probe("/", 1) }).is_err());
        assert!(check_readiness(Probe { success_threshold: 2, ..build_http_probe("/", 1) }).is_ok());
        let liveness = Some(Probe { success_threshold: 2, ..build_http_probe("/", 1) });
        assert!(Probes { liveness, ..Probes::default() }.check_probes().is_err());
        for argv in [vec![], vec![String::new()], vec!["a\0".to_owned()], vec!["a".repeat(65 << 10)]] {
            assert!(
                check_readiness(Probe { check: ProbeCheck::Exec { argv }, ..build_http_probe("/", 1) })
                    .is_err()
            );
        }
        let startup = |deadline| {
            let Probe { check, initial_delay, period, timeout, .. } = build_http_probe("/", 1);
            let startup = StartupProbe { check, initial_delay, period, timeout, deadline };
            Probes { startup: Some(startup), ..Probes::default() }.check_probes()
        };
        assert!(startup(None).is_ok() && startup(Some(second)).is_ok());
        assert!(startup(Some(Duration::ZERO)).is_err() && startup(Some(second * 90_000)).is_err());
    }
}
