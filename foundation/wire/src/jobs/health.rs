//! How to find out how a container is, and what is done about it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One question to a container, and how often it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HealthCheckWritten", into = "HealthCheckWritten")]
pub struct HealthCheck {
    /// What is asked.
    pub ask: HealthAsk,
    /// Seconds between two questions, from 1 to 300; 10 when absent.
    pub interval: Option<u16>,
    /// Seconds that an answer may take, from 1 to 60; 5 when absent.
    pub timeout: Option<u16>,
    /// So many bad answers in a row count as one, from 1 to 20; 3 when absent.
    pub failures: Option<u8>,
}

/// What a container is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthAsk {
    /// A line for the shell inside the container; it is well when that ends with 0.
    Script(String),
    /// A request for this path at the job's port; it is well when the answer's status is 200 to 399.
    Http(String),
    /// A connection to the job's port; it is well when it is accepted.
    Tcp,
}

impl HealthCheck {
    /// The question, asked as often as is usual.
    pub fn of(ask: HealthAsk) -> Self {
        Self { ask, interval: None, timeout: None, failures: None }
    }
}

/// A health check as it is written: `script` goes with type `script`, `path` with type `http`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::HealthCheck)]
pub struct HealthCheckWritten {
    /// What is asked: `script` runs a line for the shell in the container and wants it to end with 0, `http` asks its
    /// port and wants a status of 200 to 399, `tcp` wants its port to accept a connection.
    #[serde(rename = "type")]
    sort: HealthSort,
    /// The line for the shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// The path, as in `/healthz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Seconds between two questions; 10 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 300)]
    interval: Option<u16>,
    /// Seconds that an answer may take; 5 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 60)]
    timeout: Option<u16>,
    /// So many bad answers in a row count as one; 3 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    failures: Option<u8>,
}

/// The sorts of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::HealthSort)]
#[serde(rename_all = "lowercase")]
pub enum HealthSort {
    /// A line for the shell.
    Script,
    /// A request.
    Http,
    /// A connection.
    Tcp,
}

impl TryFrom<HealthCheckWritten> for HealthCheck {
    type Error = &'static str;

    fn try_from(written: HealthCheckWritten) -> Result<Self, Self::Error> {
        let HealthCheckWritten { sort, script, path, interval, timeout, failures } = written;
        let ask = match (sort, script, path) {
            (HealthSort::Script, Some(script), None) => HealthAsk::Script(script),
            (HealthSort::Http, None, Some(path)) => HealthAsk::Http(path),
            (HealthSort::Tcp, None, None) => HealthAsk::Tcp,
            (HealthSort::Script, ..) => {
                return Err("a health check of type script has a script, and no path");
            }
            (HealthSort::Http, ..) => return Err("a health check of type http has a path, and no script"),
            (HealthSort::Tcp, ..) => return Err("a health check of type tcp has neither script nor path"),
        };
        Ok(Self { ask, interval, timeout, failures })
    }
}

impl From<HealthCheck> for HealthCheckWritten {
    fn from(check: HealthCheck) -> Self {
        let HealthCheck { ask, interval, timeout, failures } = check;
        let (sort, script, path) = match ask {
            HealthAsk::Script(script) => (HealthSort::Script, Some(script), None),
            HealthAsk::Http(path) => (HealthSort::Http, None, Some(path)),
            HealthAsk::Tcp => (HealthSort::Tcp, None, None),
        };
        Self { sort, script, path, interval, timeout, failures }
    }
}

/// What is asked at different times of a container's life. What is absent is the job's `health_check`; without that
/// too, nothing is asked for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::Checks)]
pub struct Checks {
    /// Asked until it is well for the first time, twice a second: then the container has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckWritten>)]
    pub startup: Option<HealthCheck>,
    /// Asked from then on: while it is unwell, nobody is sent to the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckWritten>)]
    pub readiness: Option<HealthCheck>,
    /// Asked from then on too: when it is unwell, the container is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckWritten>)]
    pub liveness: Option<HealthCheck>,
    /// The most seconds that a container may take to start, up to 3600; it is restarted when it takes longer. 120 when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "start-within")]
    #[schema(minimum = 1, maximum = 3600)]
    pub start_within: Option<u32>,
}

/// How a container is asked to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::StopPolicy)]
pub struct StopPolicy {
    /// The signal; TERM when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<StopSignal>,
    /// Seconds until what has not ended by then is killed, up to 300; as the operator has set it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 300)]
    pub grace: Option<u32>,
}

/// A signal that asks a program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = jobs::StopSignal)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// Hang-up.
    Hup,
    /// Interrupt, as Ctrl-C.
    Int,
    /// Quit: some servers finish what they answer first.
    Quit,
    /// Terminate.
    Term,
    /// The program's own meaning.
    Usr1,
    /// The program's own meaning.
    Usr2,
    /// Change of the window's size: some servers end gracefully.
    Winch,
}

impl StopSignal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Hup, Self::Int, Self::Quit, Self::Term, Self::Usr1, Self::Usr2, Self::Winch];

    /// Its name, without `SIG`.
    pub fn word(self) -> &'static str {
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

    /// Its number on Linux (signal(7); the same on x86-64 and ARM64).
    pub fn number(self) -> u8 {
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
    fn a_check_reads_back_as_it_was_written() -> Result<(), serde_json::Error> {
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
    fn a_check_says_what_its_type_needs_and_nothing_else() {
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
