//! Exit statuses of the program. Their meaning is defined here only.

use std::process::ExitCode;

use hearth_base::{Error, ErrorKind};
use hearth_wire::jobs::{Run, RunEnd};

/// The end of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command succeeded.
    Done,
    /// The command cannot be done as given.
    UserError,
    /// The server, or the network to it, failed.
    ServiceError,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The exit status of a program that the command ran.
    Program(u8),
}

impl Exit {
    /// The exit status of a run as a shell reports it: that of its program, 128 plus a signal, or 124 after a
    /// time limit as `timeout` reports it.
    pub fn from_run(run: &Run) -> Self {
        const TIMED_OUT_STATUS: i32 = 124;
        const KILLED_STATUS: i32 = 137;
        let status = match run.end {
            Some(RunEnd::TimedOut) => Some(TIMED_OUT_STATUS),
            Some(RunEnd::OutOfMemory) => Some(KILLED_STATUS),
            _ => run.exit_code.or(run.signal.map(|signal| 128 + signal)),
        };
        match status {
            Some(0) => Self::Done,
            Some(status) => Self::Program(u8::try_from(status).unwrap_or(1)),
            None => Self::UserError,
        }
    }

    /// Maps `error` to an exit status.
    pub fn from_error(error: &Error) -> Self {
        if error.code() == INTERRUPTED_CODE {
            return Self::Interrupted;
        }
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal => Self::ServiceError,
            ErrorKind::Invalid
            | ErrorKind::Unprocessable
            | ErrorKind::Unauthenticated
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::MethodNotAllowed
            | ErrorKind::Conflict
            | ErrorKind::Stale
            | ErrorKind::Range
            | ErrorKind::TooLarge
            | ErrorKind::Exhausted => Self::UserError,
        }
    }
}

const INTERRUPTED_CODE: &str = "interrupted";

/// Builds the error after Ctrl-C, at a question or during a command.
pub fn build_interrupted_error(note: &str) -> Error {
    Error::invalid(INTERRUPTED_CODE, format!("interrupted: {note}"))
}

/// Builds the error after a confirmation that was answered with no.
pub fn build_declined_error() -> Error {
    Error::invalid("not-confirmed", "nothing was changed")
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::UserError => 1,
            Exit::ServiceError => 2,
            Exit::Interrupted => 130,
            Exit::Program(status) => status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_service_and_of_the_user_have_different_statuses() {
        for (kind, exit) in [
            (ErrorKind::Internal, Exit::ServiceError),
            (ErrorKind::Unavailable, Exit::ServiceError),
            (ErrorKind::Timeout, Exit::ServiceError),
            (ErrorKind::Forbidden, Exit::UserError),
            (ErrorKind::Exhausted, Exit::UserError),
        ] {
            assert_eq!(Exit::from_error(&Error::new(kind, "code", "sentence")), exit);
        }
        assert_eq!(Exit::from_error(&build_interrupted_error("nothing was changed")), Exit::Interrupted);
    }
}
