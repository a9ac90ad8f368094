//! Probes: how a runtime finds out whether a container has started, serves, and still works.
//!
//! Names and meaning are those of Kubernetes (Pod v1, `startupProbe`, `readinessProbe`, `livenessProbe`), so that a
//! kubelet can do the same. A cluster rounds periods up to whole seconds.

mod check;
mod failure;
mod health;
mod network;
mod tracker;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use failure::{ProbeFailure, ProbeOutcome};
pub use health::Health;
pub use network::probe_address;
pub use tracker::ProbeTracker;

/// The probes of a workload's containers. A container without a start-up and a readiness probe is ready when it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// Sent until it passes once; the other probes begin then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<StartupProbe>,
    /// Decides whether the container is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// Decides whether the container is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
}

/// A probe that shows that a container has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartupProbe {
    /// The check to make.
    pub check: ProbeCheck,
    /// From the container's begin to the first probe.
    #[serde(default)]
    pub initial_delay: Duration,
    /// From one probe to the next.
    pub period: Duration,
    /// The longest that the check may take.
    pub timeout: Duration,
    /// The container is restarted when the probe has not passed so long after the container's begin; never, when
    /// absent. A kubelet takes `deadline / period` as `failureThreshold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

/// A probe that is sent again and again to a container that has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The check to make.
    pub check: ProbeCheck,
    /// From the container's begin to the first probe.
    #[serde(default)]
    pub initial_delay: Duration,
    /// From one probe to the next.
    pub period: Duration,
    /// The longest that the check may take.
    pub timeout: Duration,
    /// Consecutive successes after a failure until the probe counts as passed; 1 for liveness.
    #[serde(default = "one")]
    pub success_threshold: u16,
    /// Consecutive failures until the probe counts as failed.
    pub failure_threshold: u16,
}

const fn one() -> u16 {
    1
}

/// The check that a probe makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case")]
pub enum ProbeCheck {
    /// A GET request to the container's address. Redirects are not followed.
    HttpGet {
        /// Path and query.
        path: String,
        /// TCP port.
        port: u16,
        /// Which answers pass.
        #[serde(default)]
        expect: HttpExpectation,
    },
    /// A connection to the container's address.
    Tcp {
        /// TCP port.
        port: u16,
    },
    /// A second program in the container: it passes when it exits with 0. Environment, user and folder are those of
    /// the container's process.
    Exec {
        /// Program and arguments; no shell reads them.
        argv: Vec<String>,
    },
}

/// Which answers to a GET request pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpExpectation {
    /// Status 200 to 399, as a kubelet's `httpGet`.
    #[default]
    Success,
    /// Any HTTP status, and a connection on which no answer came in time: the server is slow. A cluster uses
    /// `tcpSocket`.
    AnyAnswer,
}

/// The purpose of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbePurpose {
    /// Has it started?
    Startup,
    /// Is it ready?
    Readiness,
    /// Does it still work?
    Liveness,
    /// Both, where both probes are the same: it is sent once.
    ReadinessAndLiveness,
}

impl Probes {
    /// Whether there is no probe.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether one probe decides about readiness and liveness.
    pub fn liveness_is_readiness(&self) -> bool {
        self.readiness.is_some() && self.readiness == self.liveness
    }

    /// The check, initial delay, period and timeout of a probe.
    pub fn terms(&self, purpose: ProbePurpose) -> Option<ProbeTerms<'_>> {
        let probe = match purpose {
            ProbePurpose::Startup => {
                let StartupProbe { check, initial_delay, period, timeout, .. } = self.startup.as_ref()?;
                let [initial_delay, period, timeout] = [*initial_delay, *period, *timeout];
                return Some(ProbeTerms { check, initial_delay, period, timeout });
            }
            ProbePurpose::Readiness | ProbePurpose::ReadinessAndLiveness => self.readiness.as_ref()?,
            ProbePurpose::Liveness => self.liveness.as_ref()?,
        };
        let Probe { check, initial_delay, period, timeout, .. } = probe;
        let [initial_delay, period, timeout] = [*initial_delay, *period, *timeout];
        Some(ProbeTerms { check, initial_delay, period, timeout })
    }
}

/// A probe as its sender needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeTerms<'a> {
    /// The check to make.
    pub check: &'a ProbeCheck,
    /// From the container's begin to the first probe.
    pub initial_delay: Duration,
    /// From one probe to the next.
    pub period: Duration,
    /// The longest that the check may take.
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored workloads of every release stay readable: one file per form, never changed.
    #[test]
    fn probes_of_version_1_are_read_and_written() -> Result<(), serde_json::Error> {
        let text = include_str!("../../tests/golden/probes-1.json");
        let probes: Probes = serde_json::from_str(text)?;
        let startup = probes.startup.as_ref().map(|probe| (&probe.check, probe.deadline));
        let page =
            ProbeCheck::HttpGet { path: "/".to_owned(), port: 8000, expect: HttpExpectation::AnyAnswer };
        assert_eq!(startup, Some((&page, Some(Duration::from_secs(120)))));
        let readiness = probes.readiness.as_ref().map(|probe| (&probe.check, probe.failure_threshold));
        assert_eq!(readiness, Some((&ProbeCheck::Tcp { port: 8000 }, 3)));
        let liveness = probes.liveness.as_ref().map(|probe| (&probe.check, probe.initial_delay));
        let script = ProbeCheck::Exec { argv: vec!["/bin/true".to_owned()] };
        assert_eq!(liveness, Some((&script, Duration::from_secs(3))));
        let written: serde_json::Value = serde_json::to_value(&probes)?;
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(text)?);
        Ok(())
    }
}
