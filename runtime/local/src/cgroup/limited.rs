//! Control group of a short process of the runtime itself, with limits for memory and processes.
//! `libcontainer` makes the groups of containers.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{is_v2, open_cgroup};

/// Limits of a control group.
#[derive(Debug, Clone, Copy)]
pub struct CgroupLimits {
    /// Memory in bytes, with the page cache.
    pub memory: u64,
    /// Number of processes and threads.
    pub processes: u64,
}

/// Control group that is removed, with its processes, when this value is dropped.
#[derive(Debug)]
pub struct LimitedCgroup(String);

impl LimitedCgroup {
    /// Makes the group at `path`, for example `/hearth/one/unpack.3`.
    pub fn create(path: String, limits: CgroupLimits) -> io::Result<Self> {
        let group = Self(path);
        let path = group.0.trim_start_matches('/');
        let mounts = Path::new("/sys/fs/cgroup");
        if is_v2() {
            create_in_v2(mounts, path, limits)?;
        } else {
            create_in_v1(mounts, path, limits)?;
        }
        Ok(group)
    }

    pub fn cgroup_path(&self) -> &str {
        &self.0
    }

    /// Returns true if the kernel has killed a process of the group for its memory.
    pub fn is_out_of_memory(&self) -> bool {
        open_cgroup(&self.0).read_usage().oom_kills > 0
    }
}

impl Drop for LimitedCgroup {
    fn drop(&mut self) {
        let group = open_cgroup(&self.0);
        if let Err(error) = group.kill_processes().and_then(|()| group.remove()) {
            tracing::warn!(%error, group = %self.0, "control group not removed; the next start removes it");
        }
    }
}

/// Makes the group in the hierarchies of both controllers. A host without one of them has no such limit for
/// containers either; `hearthd doctor` reports it.
fn create_in_v1(mounts: &Path, path: &str, limits: CgroupLimits) -> io::Result<()> {
    let files = [("memory", "memory.limit_in_bytes", limits.memory), ("pids", "pids.max", limits.processes)];
    for (controller, file, limit) in files {
        let mount = mounts.join(controller);
        if mount.is_dir() {
            let folder = mount.join(path);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(file), limit.to_string())?;
        }
    }
    Ok(())
}

/// Makes the group and enables the controllers for its parents (`cgroups(7)`, "Cgroups v2 controllers").
fn create_in_v2(mount: &Path, path: &str, limits: CgroupLimits) -> io::Result<()> {
    let mut folder: PathBuf = mount.to_owned();
    for part in path.split('/') {
        let control = folder.join("cgroup.subtree_control");
        for controller in ["memory", "pids"] {
            let is_enabled = fs::read_to_string(&control)?.split_whitespace().any(|name| name == controller);
            if !is_enabled {
                fs::write(&control, format!("+{controller}"))?;
            }
        }
        folder.push(part);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    fs::write(folder.join("memory.max"), limits.memory.to_string())?;
    fs::write(folder.join("pids.max"), limits.processes.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CGROUP_LIMITS: CgroupLimits = CgroupLimits { memory: 1 << 20, processes: 2 };

    #[test]
    fn limits_of_a_group_are_written_in_both_versions() -> io::Result<()> {
        let tree = tempfile::tempdir()?;
        let read = |path: &str| fs::read_to_string(tree.path().join(path));
        for name in ["memory", "pids"] {
            fs::create_dir(tree.path().join(name))?;
        }
        create_in_v1(tree.path(), "hearth/a/unpack.1", CGROUP_LIMITS)?;
        assert_eq!(read("memory/hearth/a/unpack.1/memory.limit_in_bytes")?, "1048576");
        assert_eq!(read("pids/hearth/a/unpack.1/pids.max")?, "2");

        fs::write(tree.path().join("cgroup.subtree_control"), "cpu memory pids\n")?;
        fs::create_dir(tree.path().join("one"))?;
        fs::write(tree.path().join("one/cgroup.subtree_control"), "memory pids\n")?;
        create_in_v2(tree.path(), "one/unpack.1", CGROUP_LIMITS)?;
        assert_eq!(read("one/unpack.1/memory.max")?, "1048576");
        assert_eq!(read("one/unpack.1/pids.max")?, "2");
        Ok(())
    }
}
