//! Conversion of a failed system call into an [`Error`] that names the step and the affected thing.

use std::{fmt, io};

use hearth_base::{Error, ErrorKind};

/// Adds the failed step to an I/O error.
pub trait HostErrorContext<T> {
    /// Converts the error. `what` names the step and the thing, for example `mounting the root of run_…`. The
    /// error has the kind `Unavailable` and the code `host`.
    fn with_context(self, what: impl fmt::Display) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> HostErrorContext<T> for Result<T, E> {
    fn with_context(self, what: impl fmt::Display) -> Result<T, Error> {
        self.map_err(|error| {
            let error = error.into();
            Error::new(ErrorKind::Unavailable, "host", format!("{what} failed on this host: {error}"))
                .help("run `hearthd doctor` on the host")
                .with_cause(error)
        })
    }
}
