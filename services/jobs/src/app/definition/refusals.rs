//! Errors of several rules.

use hearth_base::{Error, ErrorKind};

/// The error of fields that belong to another job type.
pub fn job_type_error(problem: &str, help: &str) -> Error {
    Error::invalid("job-type", problem).help(help)
}

/// The error of an invalid port.
pub fn port_error(problem: &str) -> Error {
    Error::invalid("port", problem).help("set port to the port that the job listens on, as in 8000")
}

/// The error of a request beyond the quota.
pub fn quota_exceeded_error(problem: String) -> Error {
    Error::new(ErrorKind::Exhausted, "quota", problem)
        .help("request less, delete jobs that are not needed (hearth jobs quota), or ask an operator of this Hearth for a higher quota")
}
