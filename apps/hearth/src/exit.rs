//! How the program ends: the only place that knows what an exit status means.

use std::process::ExitCode;

use hearth_base::{Error, Kind};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked.
    Done,
    /// What was asked cannot be done as it was asked.
    User,
    /// Hearth, or something on the way to it, is in trouble.
    Service,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// Whatever a program that was started instead ended with.
    Other(u8),
}

impl Exit {
    /// What `error` means for the exit status.
    pub fn of(error: &Error) -> Self {
        if error.code() == INTERRUPTED {
            return Self::Interrupted;
        }
        match error.kind() {
            Kind::Unavailable | Kind::Timeout | Kind::Internal => Self::Service,
            Kind::Invalid
            | Kind::Unprocessable
            | Kind::Unauthenticated
            | Kind::Forbidden
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::Conflict
            | Kind::Stale
            | Kind::Range
            | Kind::TooLarge
            | Kind::Exhausted => Self::User,
        }
    }
}

const INTERRUPTED: &str = "interrupted";

/// What a question answered with Ctrl-C, and a command stopped by it, end with.
pub fn interrupted(what_stays: &str) -> Error {
    Error::invalid(INTERRUPTED, format!("interrupted: {what_stays}"))
}

/// What a question that was answered with no ends with.
pub fn declined() -> Error {
    Error::invalid("not-confirmed", "nothing was changed")
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::User => 1,
            Exit::Service => 2,
            Exit::Interrupted => 130,
            Exit::Other(status) => status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_did_wrong_is_told_from_what_the_user_did() {
        for (kind, exit) in [
            (Kind::Internal, Exit::Service),
            (Kind::Unavailable, Exit::Service),
            (Kind::Timeout, Exit::Service),
            (Kind::Forbidden, Exit::User),
            (Kind::Exhausted, Exit::User),
        ] {
            assert_eq!(Exit::of(&Error::new(kind, "code", "sentence")), exit);
        }
        assert_eq!(Exit::of(&interrupted("nothing was changed")), Exit::Interrupted);
    }
}
