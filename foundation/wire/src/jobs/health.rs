//! Health checks of containers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Health check: a probe and its timing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HealthCheckDocument", into = "HealthCheckDocument")]
pub struct HealthCheck {
    /// The probe.
    pub probe: HealthProbe,
    /// Seconds between two probes, from 1 to 300; default 10.
    pub interval: Option<u16>,
    /// Timeout of a probe in seconds, from 1 to 60; default 5.
    pub timeout: Option<u16>,
    /// Consecutive failures before the check counts as failed, from 1 to 20; default 3.
    pub failures: Option<u8>,
}

/// Probe of a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthProbe {
    /// Shell command line inside the container; it succeeds with exit status 0.
    Script(String),
    /// HTTP request for this path on the job's port; it succeeds with a status of 200 to 399.
    Http(String),
    /// TCP connection to the job's port; it succeeds when the port accepts the connection.
    Tcp,
}

impl HealthCheck {
    /// Creates a health check with default timing.
    pub fn from_probe(ask: HealthProbe) -> Self {
        Self { probe: ask, interval: None, timeout: None, failures: None }
    }
}

/// Health check as written by users: `script` belongs to type `script`, `path` to type `http`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::HealthCheck)]
pub struct HealthCheckDocument {
    /// Type of the probe: `script` runs a shell command line in the container and expects exit status 0,
    /// `http` requests a path on the job's port and expects a status of 200 to 399, `tcp` expects the port to
    /// accept a connection.
    #[serde(rename = "type")]
    sort: HealthSort,
    /// Shell command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// Path, as in `/healthz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Seconds between two probes; default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 300)]
    interval: Option<u16>,
    /// Timeout of a probe in seconds; default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60)]
    timeout: Option<u16>,
    /// Consecutive failures before the check counts as failed; default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    failures: Option<u8>,
}

/// Types of probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::HealthSort)]
#[serde(rename_all = "lowercase")]
pub enum HealthSort {
    /// A shell command line.
    Script,
    /// An HTTP request.
    Http,
    /// A TCP connection.
    Tcp,
}

impl TryFrom<HealthCheckDocument> for HealthCheck {
    type Error = &'static str;

    fn try_from(written: HealthCheckDocument) -> Result<Self, Self::Error> {
        let HealthCheckDocument { sort, script, path, interval, timeout, failures } = written;
        let ask = match (sort, script, path) {
            (HealthSort::Script, Some(script), None) => HealthProbe::Script(script),
            (HealthSort::Http, None, Some(path)) => HealthProbe::Http(path),
            (HealthSort::Tcp, None, None) => HealthProbe::Tcp,
            (HealthSort::Script, ..) => {
                return Err("a health check of type script has a script, and no path");
            }
            (HealthSort::Http, ..) => return Err("a health check of type http has a path, and no script"),
            (HealthSort::Tcp, ..) => return Err("a health check of type tcp has neither script nor path"),
        };
        Ok(Self { probe: ask, interval, timeout, failures })
    }
}

impl From<HealthCheck> for HealthCheckDocument {
    fn from(check: HealthCheck) -> Self {
        let HealthCheck { probe: ask, interval, timeout, failures } = check;
        let (sort, script, path) = match ask {
            HealthProbe::Script(script) => (HealthSort::Script, Some(script), None),
            HealthProbe::Http(path) => (HealthSort::Http, None, Some(path)),
            HealthProbe::Tcp => (HealthSort::Tcp, None, None),
        };
        Self { sort, script, path, interval, timeout, failures }
    }
}

/// Startup, readiness and liveness probes of a container. An absent probe is the job's `health_check`;
/// without that too, there is no such probe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Checks)]
pub struct Checks {
    /// Startup probe, twice a second until its first success: then the container has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckDocument>)]
    pub startup: Option<HealthCheck>,
    /// Readiness probe, after the start: a container whose probe fails gets no requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckDocument>)]
    pub readiness: Option<HealthCheck>,
    /// Liveness probe, after the start: a container whose probe fails is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckDocument>)]
    pub liveness: Option<HealthCheck>,
    /// Maximum duration of the start in seconds, up to 3600; a container that exceeds it is restarted.
    /// Default 120.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "start-within")]
    #[schema(minimum = 1, maximum = 3600)]
    pub start_within: Option<u32>,
}

/// Policy of stopping a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::StopPolicy)]
pub struct StopPolicy {
    /// Stop signal; default TERM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<StopSignal>,
    /// Grace period in seconds before the container is killed, up to 300; the default is the operator's
    /// setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 300)]
    pub grace: Option<u32>,
}

/// Stop signal of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::StopSignal)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// Hang-up.
    Hup,
    /// Interrupt, as Ctrl-C.
    Int,
    /// Quit: some servers finish their responses first.
    Quit,
    /// Terminate.
    Term,
    /// User-defined.
    Usr1,
    /// User-defined.
    Usr2,
    /// Change of the window's size: some servers stop gracefully.
    Winch,
}

impl StopSignal {
    /// All signals.
    pub const ALL: [Self; 7] =
        [Self::Hup, Self::Int, Self::Quit, Self::Term, Self::Usr1, Self::Usr2, Self::Winch];

    /// Returns the name without `SIG`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Term => "TERM",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Winch => "WINCH",
        }
    }

    /// Returns the number on Linux (signal(7); the same on x86-64 and ARM64).
    pub fn signal_number(self) -> u8 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Usr1 => 10,
            Self::Usr2 => 12,
            Self::Term => 15,
            Self::Winch => 28,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn health_check_round_trips_through_json() -> Result<(), serde_json::Error> {
        for written in [
            json!({"type": "script", "script": "./alive"}),
            json!({"type": "http", "path": "/healthz", "interval": 2, "timeout": 1, "failures": 5}),
            json!({"type": "tcp"}),
        ] {
            let check: HealthCheck = serde_json::from_value(written.clone())?;
            assert_eq!(serde_json::to_value(check)?, written);
        }
        Ok(())
    }

    #[test]
    fn health_check_has_exactly_the_fields_of_its_type() {
        for written in [
            json!({"type": "http"}),
            json!({"type": "script", "path": "/"}),
            json!({"type": "http", "path": "/", "script": "true"}),
            json!({"type": "tcp", "path": "/"}),
            json!({"type": "icmp"}),
        ] {
            assert!(serde_json::from_value::<HealthCheck>(written.clone()).is_err(), "{written}");
        }
    }
}
