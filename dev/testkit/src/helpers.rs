//! The processes that belong to a Hearth's containers, each found on the host by itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};

use crate::{Hearth, hearth::signal};

/// The helper of a container: what starts it, waits for it, and writes down how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    pid: u32,
    /// What it is the helper of, as the runtime calls it.
    pub instance: String,
}

impl Hearth {
    /// The helpers that live.
    pub fn helpers(&self) -> Result<Vec<Helper>> {
        let runs = self.runtime_state().join("runs");
        let found = processes()?.into_iter().filter_map(|(pid, process)| {
            let instance = helped(&process, &runs)?;
            Some(Helper { pid, instance })
        });
        Ok(found.collect())
    }

    /// Kills a helper at once, if it still is one.
    pub fn kill_helper(&self, helper: &Helper) -> Result<bool> {
        let process = Path::new("/proc").join(helper.pid.to_string());
        let still = helped(&process, &self.runtime_state().join("runs"));
        Ok(still.as_ref() == Some(&helper.instance) && signal(helper.pid, "KILL").is_ok())
    }

    /// The processes in the control groups of its containers, a line for each.
    pub fn contained(&self) -> Result<Vec<String>> {
        let socket = self.runtime_socket()?;
        let run = socket.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let instance = run.and_then(|name| name.strip_prefix("hearth-")).unwrap_or_default();
        let group = format!("/hearth/{instance}/");
        let found = processes()?.into_iter().filter_map(|(pid, process)| {
            let groups = fs::read_to_string(process.join("cgroup")).ok()?;
            let line = groups.lines().find(|line| line.contains(&group))?;
            Some(format!("{pid} {line}"))
        });
        Ok(found.collect())
    }
}

/// What a process is the helper of, in a folder of runs.
fn helped(process: &Path, runs: &Path) -> Option<String> {
    let words = fs::read(process.join("cmdline")).ok()?;
    let folder = String::from_utf8(words.split(|byte| *byte == 0).nth(1)?.to_owned()).ok()?;
    let instance = Path::new(&folder).strip_prefix(runs).ok()?;
    instance.to_str().map(str::to_owned)
}

/// The processes of this host, each with its folder.
fn processes() -> Result<Vec<(u32, PathBuf)>> {
    let all = fs::read_dir("/proc").map_err(Error::internal)?;
    let named = all.filter_map(|entry| {
        let path = entry.ok()?.path();
        Some((path.file_name()?.to_str()?.parse().ok()?, path))
    });
    Ok(named.collect())
}
