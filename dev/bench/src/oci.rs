//! Other programs that start containers, as people call them.

use std::{path::Path, process::Command, time::Duration};

use hearth_base::{Error, Result};
use tempfile::TempDir;

use crate::{
    bundle::Bundle,
    peer::{installed, timed, tried},
};

/// A program that runs a container from start to exit.
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    words: Vec<String>,
    /// What it keeps.
    state: TempDir,
}

impl Peer {
    /// `crun run` or `runc run` of the bundle; the reason when it cannot be run here.
    pub fn runtime(name: &'static str, bundle: &Bundle) -> Result<std::result::Result<Self, String>> {
        let state = tempfile::tempdir().map_err(Error::internal)?;
        let words = [
            "--root".to_owned(),
            state.path().display().to_string(),
            "run".to_owned(),
            "--bundle".to_owned(),
            bundle.folder().display().to_string(),
            format!("bench{}", std::process::id()),
        ];
        Ok(Self { name, words: words.into(), state }.checked(name))
    }

    /// `podman run` of an image with the bundle's files, with its usual runtime, or with runc where that one
    /// does not run.
    pub fn podman(bundle: &Bundle) -> Result<std::result::Result<Self, String>> {
        let mut reason = String::new();
        for runtime in [None, Some("runc")] {
            let state = tempfile::tempdir().map_err(Error::internal)?;
            let mut words = podman_words(state.path(), runtime);
            if installed("podman") {
                let archive = bundle.archive().display().to_string();
                let import =
                    [&words[..], &["import".to_owned(), archive, "hearth-bench:true".to_owned()]].concat();
                if let Err(reason) = tried(Command::new("podman").args(&import)) {
                    return Ok(Err(format!("podman: {reason}")));
                }
            }
            // Limits that may be given whatever this machine's own are.
            let run =
                ["run", "--rm", "--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
            words.extend(run.map(str::to_owned));
            words.extend(["hearth-bench:true", "/bin/true"].map(str::to_owned));
            match (Self { name: "podman", words, state }).checked("podman") {
                Ok(peer) => return Ok(Ok(peer)),
                Err(why) if reason.is_empty() => reason = why,
                Err(why) => reason = format!("{reason}; {why}"),
            }
        }
        Ok(Err(reason))
    }

    /// How long one container took from start to exit.
    pub fn once(&self) -> Result<Duration> {
        timed(Command::new(self.name).args(&self.words))
    }

    /// Itself, if it runs.
    fn checked(self, package: &str) -> std::result::Result<Self, String> {
        if !installed(self.name) {
            return Err(format!("{} is not there: apt-get install {package}", self.name));
        }
        match tried(Command::new(self.name).args(&self.words)) {
            Ok(()) => Ok(self),
            Err(reason) => Err(format!("{} does not run here: {reason}", self.name)),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.name == "podman" {
            let mut words = podman_words(self.state.path(), None);
            words.extend(["system", "reset", "--force"].map(str::to_owned));
            // What is left is only a folder of temporary files.
            let _reset = tried(Command::new("podman").args(&words));
        }
    }
}

fn podman_words(state: &Path, runtime: Option<&str>) -> Vec<String> {
    let folder = |name: &str| state.join(name).display().to_string();
    let mut words: Vec<String> =
        ["--root".to_owned(), folder("root"), "--runroot".to_owned(), folder("run")].into();
    words.extend(["--cgroup-manager=cgroupfs", "--events-backend=none"].map(str::to_owned));
    words.extend(runtime.map(|name| format!("--runtime={name}")));
    words
}
