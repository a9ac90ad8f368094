//! The last steps inside the container: find the program, give up what is left to give up, become it.
#![expect(unsafe_code, reason = "signal has no safe form in the kept crates")]

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

/// A program that a container's first process becomes.
#[derive(Clone)]
pub struct Program {
    process: Process,
    filters: seccomp::Filters,
}

impl Program {
    pub fn new(process: &Process, filters: seccomp::Filters) -> Self {
        Self { process: process.clone(), filters }
    }

    /// Becomes the program. Returns only the reason why it could not.
    pub fn execute(&self) -> io::Error {
        match self.prepare() {
            Ok((path, argv, env)) => child::execute(&path, &argv, &env),
            Err(error) => error,
        }
    }

    fn prepare(&self) -> io::Result<(CString, Vec<CString>, Vec<CString>)> {
        let path = find(&self.process).map_err(io::Error::other)?;
        let text = |text: &str| CString::new(text).map_err(io::Error::other);
        let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
        let argv = self.process.argv.iter().map(|part| text(part)).collect::<io::Result<Vec<_>>>()?;
        let env = self.process.env.iter().map(|(name, value)| text(&format!("{name}={}", value.reveal())));
        let env = env.collect::<io::Result<Vec<_>>>()?;
        // SAFETY: the default action has no handler of ours behind it. Rust's start ignores this signal, and
        // programs would inherit that.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        // A change of ids clears this, so it comes after the last one.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        seccomp::load(&self.filters).map_err(io::Error::other)?;
        Ok((path, argv, env))
    }
}

impl Executor for Program {
    #[expect(clippy::disallowed_types, reason = "the crate's own signature; the map is not looked at")]
    fn setup_envs(&self, _: std::collections::HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        Ok(())
    }

    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        find(&self.process).map(drop).map_err(ExecutorValidationError::ArgValidationError)
    }

    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        let error = self.execute();
        let _ = writeln!(io::stderr(), "{} can't be started: {error}", self.process.argv[0]);
        child::exit(126)
    }
}

/// The program's path: as given, or the first match in the environment's `PATH`.
fn find(process: &Process) -> Result<PathBuf, String> {
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
    let path = process.env.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", |path| path.reveal());
    let found = path
        .split(':')
        .map(|folder| Path::new(&process.cwd).join(folder).join(name))
        .find(|path| runnable(path));
    found.ok_or_else(|| format!("the image has no program {name:.200?} in its PATH"))
}
