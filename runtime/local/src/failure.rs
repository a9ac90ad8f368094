//! How a failed system call becomes an [`Error`]: what was done to which thing, the cause for the log.

use std::{fmt, io};

use hearth_base::{Error, Kind};

/// Adds to an I/O error what was being done.
pub trait Doing<T> {
    /// `what` names the step and the thing, as in `mounting the root of run_…`.
    fn doing(self, what: impl fmt::Display) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Error> {
        self.map_err(|error| {
            let error = error.into();
            Error::new(Kind::Unavailable, "host", format!("this host refused {what}: {error}"))
                .help("run `hearthd doctor` on the host")
                .because(error)
        })
    }
}
