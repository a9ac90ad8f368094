//! Comparable programs that run containers: crun, runc and podman.

use std::{path::Path, process::Command, time::Duration};

use hearth_base::{Error, Result};
use tempfile::TempDir;

use crate::{
    bundle::OciBundle,
    peer::{is_installed, run_command, time_command},
};

/// Program that runs a container from start to exit.
pub struct OciProgram {
    /// Name of the program.
    pub name: &'static str,
    arguments: Vec<String>,
    /// Folder of its state.
    state: TempDir,
}

impl OciProgram {
    /// Prepares `crun run` or `runc run` of the bundle; the reason if it does not work on this machine.
    pub fn prepare_runtime(
        name: &'static str,
        bundle: &OciBundle,
    ) -> Result<std::result::Result<Self, String>> {
        let state = tempfile::tempdir().map_err(Error::internal)?;
        let arguments = [
            "--root".to_owned(),
            state.path().display().to_string(),
            "run".to_owned(),
            "--bundle".to_owned(),
            bundle.folder().display().to_string(),
            format!("bench{}", std::process::id()),
        ];
        Ok(Self { name, arguments: arguments.into(), state }.check_works(name))
    }

    /// Prepares `podman run` of an image with the bundle's files, with podman's default runtime, or with runc
    /// if that fails.
    pub fn prepare_podman(bundle: &OciBundle) -> Result<std::result::Result<Self, String>> {
        let mut reason = String::new();
        for runtime in [None, Some("runc")] {
            let state = tempfile::tempdir().map_err(Error::internal)?;
            let mut arguments = build_podman_arguments(state.path(), runtime);
            if is_installed("podman") {
                let archive = bundle.archive_path().display().to_string();
                let import =
                    [&arguments[..], &["import".to_owned(), archive, "hearth-bench:true".to_owned()]]
                        .concat();
                if let Err(reason) = run_command(Command::new("podman").args(&import)) {
                    return Ok(Err(format!("podman: {reason}")));
                }
            }
            // Explicit limits: podman's defaults may exceed the limits of this machine.
            let run =
                ["run", "--rm", "--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
            arguments.extend(run.map(str::to_owned));
            arguments.extend(["hearth-bench:true", "/bin/true"].map(str::to_owned));
            match (Self { name: "podman", arguments, state }).check_works("podman") {
                Ok(peer) => return Ok(Ok(peer)),
                Err(why) if reason.is_empty() => reason = why,
                Err(why) => reason = format!("{reason}; {why}"),
            }
        }
        Ok(Err(reason))
    }

    /// Runs one container and returns its duration from start to exit.
    pub fn time_container(&self) -> Result<Duration> {
        time_command(Command::new(self.name).args(&self.arguments))
    }

    /// Returns this peer if it is installed and works, otherwise the reason.
    fn check_works(self, package: &str) -> std::result::Result<Self, String> {
        if !is_installed(self.name) {
            return Err(format!("{} is not installed: apt-get install {package}", self.name));
        }
        match run_command(Command::new(self.name).args(&self.arguments)) {
            Ok(()) => Ok(self),
            Err(reason) => Err(format!("{} does not work on this machine: {reason}", self.name)),
        }
    }
}

impl Drop for OciProgram {
    fn drop(&mut self) {
        if self.name == "podman" {
            let mut arguments = build_podman_arguments(self.state.path(), None);
            arguments.extend(["system", "reset", "--force"].map(str::to_owned));
            // If the reset fails, only temporary files remain.
            let _reset = run_command(Command::new("podman").args(&arguments));
        }
    }
}

fn build_podman_arguments(state: &Path, runtime: Option<&str>) -> Vec<String> {
    let folder = |name: &str| state.join(name).display().to_string();
    let mut arguments: Vec<String> =
        ["--root".to_owned(), folder("root"), "--runroot".to_owned(), folder("run")].into();
    arguments.extend(["--cgroup-manager=cgroupfs", "--events-backend=none"].map(str::to_owned));
    arguments.extend(runtime.map(|name| format!("--runtime={name}")));
    arguments
}
