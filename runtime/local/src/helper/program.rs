//! Last steps inside the container: finds the program, loads the seccomp filters and executes it.
#![expect(unsafe_code, reason = "signal has no safe form in the allowed crates")]

use std::{
    ffi::CString,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
};

use hearth_runtime_api::Process;
use libcontainer::{
    oci_spec::runtime::Spec,
    workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError},
};

use crate::{seccomp, sys::child};

use super::executable::{self, StartError};

/// Program that a container's init process or an exec process executes.
#[derive(Clone)]
pub struct ContainerProgram {
    process: Process,
    filters: seccomp::Filters,
}

impl ContainerProgram {
    pub fn new(process: &Process, filters: seccomp::Filters) -> Self {
        Self { process: process.clone(), filters }
    }

    /// Executes the program. Returns only on failure, with the reason.
    pub fn exec_program(&self) -> StartError {
        let found = executable::find_executable(&self.process);
        let path = match found {
            Ok(path) => path,
            Err(error) => return error,
        };
        match self.prepare_exec(path.as_os_str().as_bytes()) {
            Ok((path, argv, env)) => child::exec_program(&path, &argv, &env).into(),
            Err(error) => error.into(),
        }
    }

    /// Writes the reason of a failed start to the program's standard error, and exits with the status that a shell
    /// has for it.
    pub fn report_and_exit(&self, error: &StartError) -> ! {
        let name = self.process.argv.first().map_or("", String::as_str);
        let _ = writeln!(io::stderr(), "{name:.200} cannot be started: {error}");
        child::exit_immediately(error.exit_status())
    }

    fn prepare_exec(&self, path: &[u8]) -> io::Result<(CString, Vec<CString>, Vec<CString>)> {
        let text = |text: &str| CString::new(text).map_err(io::Error::other);
        let path = CString::new(path).map_err(io::Error::other)?;
        let argv = self.process.argv.iter().map(|part| text(part)).collect::<io::Result<Vec<_>>>()?;
        let env =
            self.process.env.iter().map(|(name, value)| text(&format!("{name}={}", value.expose_secret())));
        let env = env.collect::<io::Result<Vec<_>>>()?;
        // SAFETY: the default action calls no handler. Rust's start-up code ignores SIGPIPE, and the program
        // would inherit that.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        // A change of ids clears this setting, so it comes after the last one.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        seccomp::load_filters(&self.filters).map_err(io::Error::other)?;
        Ok((path, argv, env))
    }
}

impl Executor for ContainerProgram {
    #[expect(clippy::disallowed_types, reason = "libcontainer's signature; the map is not used")]
    fn setup_envs(&self, _: std::collections::HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        Ok(())
    }

    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        let found = executable::find_executable(&self.process);
        found.map(drop).map_err(|error| ExecutorValidationError::ArgValidationError(error.to_string()))
    }

    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        self.report_and_exit(&self.exec_program())
    }
}
