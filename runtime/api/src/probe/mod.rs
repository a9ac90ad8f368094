//! Startup, readiness and liveness probes.
//!
//! Names and semantics are those of Kubernetes (Pod v1, `startupProbe`, `readinessProbe`, `livenessProbe`),
//! so that a kubelet can execute them. Kubernetes rounds periods up to whole seconds.

mod check;
mod failure;
mod health;
mod network;
mod tracker;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use failure::{FailureCode, ProbeFailure, ProbeOutcome};
pub use health::Health;
pub use network::probe_address;
pub use tracker::ProbeTracker;

/// The probes of a workload's containers. A container without startup and readiness probes is ready when it
/// runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probes {
    /// Sent until it passes once; the other probes start then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<StartupProbe>,
    /// Decides whether the container is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// Decides whether the container is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
}

/// A probe that detects the end of a container's startup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartupProbe {
    /// The check.
    pub check: ProbeCheck,
    /// Time from the container's start to the first probe.
    #[serde(default)]
    pub initial_delay: Duration,
    /// Time from one probe to the next, at most: a runtime may send network probes more often in the first seconds.
    pub period: Duration,
    /// Maximum duration of the check.
    pub timeout: Duration,
    /// Time from the container's start after which a container whose probe has not passed is restarted;
    /// absent: never. Kubernetes: `failureThreshold` is `deadline / period`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

/// A probe that is sent periodically to a container that has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The check.
    pub check: ProbeCheck,
    /// Time from the container's start to the first probe.
    #[serde(default)]
    pub initial_delay: Duration,
    /// Time from one probe to the next.
    pub period: Duration,
    /// Maximum duration of the check.
    pub timeout: Duration,
    /// Consecutive successes before the probe counts as passed after a failure; 1 for liveness.
    #[serde(default = "default_success_threshold")]
    pub success_threshold: u16,
    /// Consecutive failures before the probe counts as failed.
    pub failure_threshold: u16,
}

const fn default_success_threshold() -> u16 {
    1
}

/// The check of a probe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case")]
pub enum ProbeCheck {
    /// A GET request to the container's address. Redirects are not followed.
    HttpGet {
        /// Path and query.
        path: String,
        /// TCP port.
        port: u16,
        /// The responses that pass.
        #[serde(default)]
        expect: HttpExpectation,
    },
    /// A TCP connection to the container's address.
    Tcp {
        /// TCP port.
        port: u16,
    },
    /// A program in the container, with the environment, user and folder of the container's process. Exit
    /// status 0 passes.
    Exec {
        /// Program and arguments; no shell interprets them.
        argv: Vec<String>,
    },
}

impl ProbeCheck {
    /// The TCP port of a network check.
    pub fn network_port(&self) -> Option<u16> {
        match self {
            Self::HttpGet { port, .. } | Self::Tcp { port } => Some(*port),
            Self::Exec { .. } => None,
        }
    }
}

/// The responses to a GET request that pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpExpectation {
    /// Status 200 to 399, as in Kubernetes' `httpGet`.
    #[default]
    Success,
    /// Any HTTP status, and an open connection without a response in time, which counts as a slow server.
    /// Kubernetes: `tcpSocket`.
    AnyAnswer,
}

/// The purpose of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbePurpose {
    /// Detects the end of the startup.
    Startup,
    /// Decides about readiness.
    Readiness,
    /// Decides about a restart.
    Liveness,
    /// Both readiness and liveness, when the two probes are equal: one request serves both.
    ReadinessAndLiveness,
}

impl Probes {
    /// True if there is no probe.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True if the readiness and liveness probes are equal.
    pub fn liveness_is_readiness(&self) -> bool {
        self.readiness.is_some() && self.readiness == self.liveness
    }

    /// Returns check, initial delay, period and timeout of the probe for a purpose.
    pub fn terms_for(&self, purpose: ProbePurpose) -> Option<ProbeTerms<'_>> {
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

/// The parts of a probe that its sender needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeTerms<'a> {
    /// The check.
    pub check: &'a ProbeCheck,
    /// Time from the container's start to the first probe.
    pub initial_delay: Duration,
    /// Time from one probe to the next.
    pub period: Duration,
    /// Maximum duration of the check.
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored workloads of every release stay readable: one golden file per format version, never changed.
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
