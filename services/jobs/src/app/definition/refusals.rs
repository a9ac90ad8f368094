//! Refusals that several rules give.

use hearth_base::{Error, Kind};

/// A refusal: the fields belong to another type of job.
pub fn wrong_type(problem: &str, help: &str) -> Error {
    Error::invalid("job-type", problem).help(help)
}

/// A refusal of a port.
pub fn wrong_port(problem: &str) -> Error {
    Error::invalid("port", problem).help("give the port that the job listens on, as in 8000")
}

/// A refusal: the tool may not use so much.
pub fn over_quota(problem: String) -> Error {
    Error::new(Kind::Exhausted, "quota", problem)
        .help("ask for less, delete what is not needed (hearth jobs quota), or ask whoever runs this Hearth for more")
}
