//! Last steps inside the container: finds the program, loads the seccomp filters and executes it.
#![expect(unsafe_code, reason = "signal has no safe form in the allowed crates")]

use std::{
    ffi::CString,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use hearth_runtime_api::Process;
use libcontainer::{
    oci_spec::runtime::Spec,
    workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError},
};

use crate::{seccomp, sys::child};

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

    /// Executes the program. Returns only on failure, with the error.
    pub fn exec_program(&self) -> io::Error {
        match self.prepare_exec() {
            Ok((path, argv, env)) => child::exec_program(&path, &argv, &env),
            Err(error) => error,
        }
    }

    fn prepare_exec(&self) -> io::Result<(CString, Vec<CString>, Vec<CString>)> {
        let path = find_executable(&self.process).map_err(io::Error::other)?;
        let text = |text: &str| CString::new(text).map_err(io::Error::other);
        let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
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
        find_executable(&self.process).map(drop).map_err(ExecutorValidationError::ArgValidationError)
    }

    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        let error = self.exec_program();
        let _ = writeln!(io::stderr(), "{} cannot be started: {error}", self.process.argv[0]);
        child::exit_immediately(126)
    }
}

/// Finds the program's path: the given path, or the first match in the environment's `PATH`.
fn find_executable(process: &Process) -> Result<PathBuf, String> {
    let name = process.argv.first().map_or("", String::as_str);
    let runnable = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let path = Path::new(&process.cwd).join(name);
        return if runnable(&path) {
            Ok(path)
        } else {
            Err(format!("the image has no program {name:.200?}"))
        };
    }
    let path = process.env.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", |path| path.expose_secret());
    let found = path
        .split(':')
        .map(|folder| Path::new(&process.cwd).join(folder).join(name))
        .find(|path| runnable(path));
    found.ok_or_else(|| format!("the image has no program {name:.200?} in its PATH"))
}
