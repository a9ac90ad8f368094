//! Finds the helper and container processes of a Hearth on the host.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

use crate::{Hearth, hearth::send_signal};

/// The helper process of a container, which starts it, waits for it and records its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pid: u32,
    /// The runtime's name of the container.
    pub instance: String,
}

impl Hearth {
    /// Lists the running helpers.
    pub fn list_helpers(&self) -> Result<Vec<Helper>> {
        let runs = self.runtime_state().join("runs");
        let found = list_processes()?.into_iter().filter_map(|(pid, process)| {
            let instance = find_helped_container(&process, &runs)?;
            Some(Helper { pid, instance })
        });
        Ok(found.collect())
    }

    /// Kills a helper with SIGKILL. Returns false if its process id belongs to another process by now.
    pub fn kill_helper(&self, helper: &Helper) -> Result<bool> {
        let process = Path::new("/proc").join(helper.pid.to_string());
        let current_container = find_helped_container(&process, &self.runtime_state().join("runs"));
        Ok(current_container.as_ref() == Some(&helper.instance) && send_signal(helper.pid, "KILL").is_ok())
    }

    /// Lists the processes in the control groups of the containers, as lines of process id and control group.
    pub fn list_container_processes(&self) -> Result<Vec<String>> {
        let socket = self.runtime_socket()?;
        let run = socket.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let instance = run.and_then(|name| name.strip_prefix("hearth-")).unwrap_or_default();
        let group = format!("/hearth/{instance}/");
        let found = list_processes()?.into_iter().filter_map(|(pid, process)| {
            let groups = fs::read_to_string(process.join("cgroup")).ok()?;
            let line = groups.lines().find(|line| line.contains(&group))?;
            Some(format!("{pid} {line}"))
        });
        Ok(found.collect())
    }
}

/// Returns the container of a process if the process is a helper of a run in this folder.
fn find_helped_container(process: &Path, runs: &Path) -> Option<String> {
    let words = fs::read(process.join("cmdline")).ok()?;
    let folder = String::from_utf8(words.split(|byte| *byte == 0).nth(1)?.to_owned()).ok()?;
    let instance = Path::new(&folder).strip_prefix(runs).ok()?;
    instance.to_str().map(str::to_owned)
}

/// Lists the processes of this host, each with its folder in `/proc`.
fn list_processes() -> Result<Vec<(u32, PathBuf)>> {
    let all = fs::read_dir("/proc").map_err(Error::internal)?;
    let named = all.filter_map(|entry| {
        let path = entry.ok()?.path();
        Some((path.file_name()?.to_str()?.parse().ok()?, path))
    });
    Ok(named.collect())
}
