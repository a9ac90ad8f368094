//! The outcome of one probe. A failure is typed, so that no byte from a container appears in its text.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ProbeCheck;

/// Maximum length of a failure's description, whose path may be longer.
const MAX_SENTENCE_CHARS: usize = 400;

/// The outcome of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The check passed.
    Passed,
    /// The check failed.
    Failed(ProbeFailure),
    /// The probe could not be sent; the container's health is unaffected.
    NotSent,
}

/// The reason of a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "kebab-case")]
pub enum ProbeFailure {
    /// The container has no address yet.
    NoAddress,
    /// The connection was refused or could not be established.
    NoConnection,
    /// Nothing accepts connections at the checked port, but the container has a listening socket elsewhere.
    ListensElsewhere {
        /// The socket is bound to the loopback interface, which only the container itself reaches.
        loopback: bool,
        /// The socket's port.
        port: u16,
    },
    /// No response arrived within the probe's timeout.
    TimedOut,
    /// The response was not HTTP, or the connection ended before it.
    NotHttp,
    /// The response had this status.
    Status {
        /// 100 to 999.
        status: u16,
    },
    /// The program of the check exited with this status.
    Exited {
        /// Not 0.
        code: i32,
    },
    /// A signal killed the check's program, or it could not be started.
    DidNotExit,
}

/// The kind of a probe failure, for programs. [`ProbeFailure::describe_failure`] is its text for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The container listens at the loopback interface only, which nothing outside of it reaches.
    ListensOnLoopback,
    /// The container listens on another port than the checked one.
    ListensOnOtherPort,
    /// Any other failure, also one that only a newer runtime distinguishes.
    #[serde(other)]
    Other,
}

impl ProbeFailure {
    /// Returns the kind of the failure.
    pub fn to_code(self) -> FailureCode {
        match self {
            Self::ListensElsewhere { loopback: true, .. } => FailureCode::ListensOnLoopback,
            Self::ListensElsewhere { loopback: false, .. } => FailureCode::ListensOnOtherPort,
            _ => FailureCode::Other,
        }
    }

    /// Describes the failure in one sentence for users, without its full stop, cut after 400 characters.
    pub fn describe_failure(self, check: &ProbeCheck, timeout: Duration) -> String {
        let sentence = self.write_sentence(check, timeout);
        match sentence.char_indices().nth(MAX_SENTENCE_CHARS) {
            Some((end, _)) => format!("{}…", &sentence[..end]),
            None => sentence,
        }
    }

    fn write_sentence(self, check: &ProbeCheck, timeout: Duration) -> String {
        let (port, path) = match check {
            ProbeCheck::HttpGet { port, path, .. } => (*port, path.as_str()),
            ProbeCheck::Tcp { port } => (*port, ""),
            ProbeCheck::Exec { .. } => (0, ""),
        };
        match self {
            Self::NoAddress => "it has no address yet".to_owned(),
            Self::NoConnection => {
                format!("no connection to port {port}: does it listen on 0.0.0.0:{port}?")
            }
            Self::ListensElsewhere { loopback: true, port: bound } => {
                format!(
                    "it listens on 127.0.0.1:{bound} only, which other hosts cannot reach; listen on 0.0.0.0:{port}"
                )
            }
            Self::ListensElsewhere { loopback: false, port: bound } => {
                format!("it listens on port {bound}, not on port {port}; listen on 0.0.0.0:{port}")
            }
            Self::TimedOut => format!("it did not respond in {} seconds", timeout.as_secs_f64()),
            Self::NotHttp => format!("GET {path} at port {port} returned no HTTP response"),
            Self::Status { status } => format!("GET {path} returned status {status}"),
            Self::Exited { code } => format!("its health check ended with status {code}"),
            Self::DidNotExit => "its health check could not be started, or a signal ended it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::HttpExpectation;

    #[test]
    fn failure_names_the_request() {
        let check =
            ProbeCheck::HttpGet { path: "/ready".to_owned(), port: 8000, expect: HttpExpectation::Success };
        let describe = |failure: ProbeFailure| failure.describe_failure(&check, Duration::from_secs(5));
        assert_eq!(describe(ProbeFailure::Status { status: 503 }), "GET /ready returned status 503");
        assert_eq!(describe(ProbeFailure::TimedOut), "it did not respond in 5 seconds");
        assert_eq!(
            describe(ProbeFailure::NoConnection),
            "no connection to port 8000: does it listen on 0.0.0.0:8000?"
        );
    }

    #[test]
    fn socket_at_another_address_is_named_with_the_expected_one() {
        let (check, timeout) = (ProbeCheck::Tcp { port: 8000 }, Duration::from_secs(5));
        let describe = |loopback, port| {
            ProbeFailure::ListensElsewhere { loopback, port }.describe_failure(&check, timeout)
        };
        assert_eq!(
            describe(true, 8000),
            "it listens on 127.0.0.1:8000 only, which other hosts cannot reach; listen on 0.0.0.0:8000"
        );
        assert_eq!(
            describe(false, 5000),
            "it listens on port 5000, not on port 8000; listen on 0.0.0.0:8000"
        );
    }

    #[test]
    fn sentence_about_a_long_path_is_cut() {
        let path = format!("/{}", "a".repeat(1000));
        let check = ProbeCheck::HttpGet { path, port: 8000, expect: HttpExpectation::Success };
        let sentence = ProbeFailure::Status { status: 503 }.describe_failure(&check, Duration::from_secs(5));
        assert_eq!(sentence.chars().count(), MAX_SENTENCE_CHARS + 1);
    }
}
