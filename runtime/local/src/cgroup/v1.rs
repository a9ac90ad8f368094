//! A group in the older form: a hierarchy of its own for each controller.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Fact, Facts, Group, Used, entry, kill_members, number};

pub struct Split {
    mounts: PathBuf,
    path: PathBuf,
}

impl Split {
    /// The group at `path` of each hierarchy below `mounts`.
    pub fn at(mounts: &Path, path: &str) -> Self {
        Self { mounts: mounts.to_owned(), path: path.into() }
    }

    fn file(&self, controller: &str, name: &str) -> PathBuf {
        self.mounts.join(controller).join(&self.path).join(name)
    }
}

impl Group for Split {
    fn folders(&self) -> Vec<PathBuf> {
        let mounts = fs::read_dir(&self.mounts).into_iter().flatten().filter_map(Result::ok);
        // `cpu,cpuacct` may be one hierarchy with links to it.
        let real = mounts.filter(|mount| mount.file_type().is_ok_and(|kind| kind.is_dir()));
        real.map(|mount| mount.path().join(&self.path)).filter(|folder| folder.is_dir()).collect()
    }

    fn facts(&self) -> Facts {
        let fact = |controller, name, key, per| Fact::new(self.file(controller, name), key, per);
        Facts {
            oom_kills: fact("memory", "memory.oom_control", "oom_kill", 1),
            peak_memory: fact("memory", "memory.max_usage_in_bytes", "", 1),
            // In nanoseconds.
            cpu_micros: fact("cpuacct", "cpuacct.usage", "", 1000),
            refused: fact("pids", "pids.events", "max", 1),
        }
    }

    fn used(&self) -> Used {
        let Facts { oom_kills, peak_memory, cpu_micros, refused } = self.facts();
        let held = number(&self.file("memory", "memory.usage_in_bytes"));
        Used {
            memory: held.saturating_sub(entry(&self.file("memory", "memory.stat"), "total_inactive_file")),
            peak_memory: peak_memory.counter().read(),
            cpu_micros: cpu_micros.counter().read(),
            processes: number(&self.file("pids", "pids.current")),
            oom_kills: oom_kills.counter().read(),
            refused: refused.counter().read(),
        }
    }

    fn join(&self) -> io::Result<()> {
        self.folders().iter().try_for_each(|folder| enter(folder))
    }

    // Whoever moves a whole process waits until each processor has been through the scheduler (the kernel's
    // `cgroup_threadgroup_rwsem`): 10 to 30 ms, once for all hierarchies. libcontainer would.
    fn begin(&self) -> io::Result<()> {
        for controller in controllers()? {
            let mount = self.mounts.join(controller);
            if !mount.is_dir() {
                continue;
            }
            let folder = mount.join(&self.path);
            fs::create_dir_all(&folder)?;
            inherit(&mount, &self.path)?;
            enter(&folder)?;
            rustix::mount::mount_bind("/dev/null", folder.join("cgroup.procs"))?;
        }
        Ok(())
    }

    fn kill(&self) -> io::Result<()> {
        self.folders().iter().try_for_each(|folder| kill_members(folder))
    }
}

/// Moves the only thread of this process into a group. A thread that moves itself is let through at once.
fn enter(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("tasks"), "0")
}

/// One controller of each hierarchy that this host has (cgroups(7), `/proc/PID/cgroup`).
fn controllers() -> io::Result<Vec<String>> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let names = groups.lines().filter_map(|line| line.split(':').nth(1)?.split(',').next());
    Ok(names.filter(|name| !name.is_empty() && !name.starts_with("name=")).map(str::to_owned).collect())
}

/// Gives each group on the way to `path` what it must have before anybody enters it: its parent's processors and
/// memory nodes (cpuset(7)).
fn inherit(mount: &Path, path: &Path) -> io::Result<()> {
    let mut parent = mount.to_owned();
    for part in path {
        let group = parent.join(part);
        for name in ["cpuset.cpus", "cpuset.mems"] {
            let own = group.join(name);
            if own.exists() && fs::read_to_string(&own)?.trim().is_empty() {
                fs::write(own, fs::read_to_string(parent.join(name))?)?;
            }
        }
        parent = group;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_group_is_read() -> io::Result<()> {
        let tree = tempfile::tempdir()?;
        let put = |path: &str, text: &str| {
            let path = tree.path().join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)
        };
        put("memory/hearth/a/memory.usage_in_bytes", "5000000\n")?;
        put("memory/hearth/a/memory.stat", "cache 9\ntotal_inactive_file 1000000\n")?;
        put("memory/hearth/a/memory.max_usage_in_bytes", "7000000\n")?;
        put("memory/hearth/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")?;
        put("cpuacct/hearth/a/cpuacct.usage", "1234567\n")?;
        put("pids/hearth/a/pids.current", "3\n")?;
        put("pids/hearth/a/pids.events", "max 4\n")?;
        let group = Split::at(tree.path(), "hearth/a");
        let used = Used {
            memory: 4_000_000,
            peak_memory: 7_000_000,
            cpu_micros: 1234,
            processes: 3,
            oom_kills: 2,
            refused: 4,
        };
        assert_eq!(group.used(), used);
        assert_eq!(group.folders().len(), 3);
        Ok(())
    }
}
