//! Control group in cgroups v1: a hierarchy for each controller.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Cgroup, CgroupUsage, CounterFile, CounterFiles, kill_members, read_entry, read_number};

pub struct CgroupV1 {
    mounts: PathBuf,
    path: PathBuf,
}

impl CgroupV1 {
    /// The group at `path` of each hierarchy below `mounts`.
    pub fn new(mounts: &Path, path: &str) -> Self {
        Self { mounts: mounts.to_owned(), path: path.into() }
    }

    /// Lists the mount points of the controllers' hierarchies. An init system may leave a folder without a mount.
    fn list_hierarchies(&self, controllers: Vec<String>) -> Vec<PathBuf> {
        let mounts = controllers.into_iter().map(|controller| self.mounts.join(controller));
        mounts.filter(|mount| mount.join("tasks").exists()).collect()
    }

    fn file_path(&self, controller: &str, name: &str) -> PathBuf {
        self.mounts.join(controller).join(&self.path).join(name)
    }
}

impl Cgroup for CgroupV1 {
    fn list_folders(&self) -> Vec<PathBuf> {
        let mounts = fs::read_dir(&self.mounts).into_iter().flatten().filter_map(Result::ok);
        // `cpu,cpuacct` may be one hierarchy with symbolic links to it.
        let real = mounts.filter(|mount| mount.file_type().is_ok_and(|kind| kind.is_dir()));
        real.map(|mount| mount.path().join(&self.path)).filter(|folder| folder.is_dir()).collect()
    }

    fn counter_files(&self) -> CounterFiles {
        let fact = |controller, name, key, per| CounterFile::new(self.file_path(controller, name), key, per);
        CounterFiles {
            oom_kills: fact("memory", "memory.oom_control", "oom_kill", 1),
            peak_memory: fact("memory", "memory.max_usage_in_bytes", "", 1),
            // In nanoseconds.
            cpu_micros: fact("cpuacct", "cpuacct.usage", "", 1000),
            refused_forks: fact("pids", "pids.events", "max", 1),
        }
    }

    fn read_usage(&self) -> CgroupUsage {
        let CounterFiles { oom_kills, peak_memory, cpu_micros, refused_forks } = self.counter_files();
        let held = read_number(&self.file_path("memory", "memory.usage_in_bytes"));
        CgroupUsage {
            memory: held
                .saturating_sub(read_entry(&self.file_path("memory", "memory.stat"), "total_inactive_file")),
            peak_memory: peak_memory.as_counter().read(),
            cpu_micros: cpu_micros.as_counter().read(),
            processes: read_number(&self.file_path("pids", "pids.current")),
            oom_kills: oom_kills.as_counter().read(),
            refused_forks: refused_forks.as_counter().read(),
        }
    }

    fn join_cgroup(&self) -> io::Result<()> {
        self.list_folders().iter().try_for_each(|folder| join_folder(folder))
    }

    // libcontainer writes to `cgroup.procs`, which waits for a grace period on all processors
    // (`cgroup_threadgroup_rwsem` in the kernel): 10 to 30 ms. Writing the only thread to `tasks` does not
    // wait. A bind mount of /dev/null over `cgroup.procs` makes libcontainer's later write do nothing.
    fn create_and_join(&self) -> io::Result<()> {
        for mount in self.list_hierarchies(read_controllers()?) {
            let folder = mount.join(&self.path);
            fs::create_dir_all(&folder)?;
            inherit_cpuset(&mount, &self.path)?;
            join_folder(&folder)?;
            rustix::mount::mount_bind("/dev/null", folder.join("cgroup.procs"))?;
        }
        Ok(())
    }

    fn kill_processes(&self) -> io::Result<()> {
        self.list_folders().iter().try_for_each(|folder| kill_members(folder))
    }
}

/// Moves the only thread of this process into a group, which is faster than moving a process.
fn join_folder(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("tasks"), "0")
}

/// Lists one controller of each hierarchy of this host (cgroups(7), `/proc/PID/cgroup`).
fn read_controllers() -> io::Result<Vec<String>> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let names = groups.lines().filter_map(|line| line.split(':').nth(1)?.split(',').next());
    Ok(names.filter(|name| !name.is_empty() && !name.starts_with("name=")).map(str::to_owned).collect())
}

/// Copies the parent's processors and memory nodes to each group on `path`. A cpuset without them accepts no
/// process (cpuset(7)).
fn inherit_cpuset(mount: &Path, path: &Path) -> io::Result<()> {
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
    fn folder_without_a_mounted_hierarchy_is_left_out() -> io::Result<()> {
        let tree = tempfile::tempdir()?;
        for controller in ["memory", "perf_event"] {
            fs::create_dir(tree.path().join(controller))?;
        }
        fs::write(tree.path().join("memory/tasks"), "")?;
        let controllers = ["memory", "perf_event", "hugetlb"].map(str::to_owned).to_vec();
        let group = CgroupV1::new(tree.path(), "hearth/a");
        assert_eq!(group.list_hierarchies(controllers), [tree.path().join("memory")]);
        Ok(())
    }

    #[test]
    fn resource_use_of_a_v1_group_is_read() -> io::Result<()> {
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
        let group = CgroupV1::new(tree.path(), "hearth/a");
        let used = CgroupUsage {
            memory: 4_000_000,
            peak_memory: 7_000_000,
            cpu_micros: 1234,
            processes: 3,
            oom_kills: 2,
            refused_forks: 4,
        };
        assert_eq!(group.read_usage(), used);
        assert_eq!(group.list_folders().len(), 3);
        Ok(())
    }
}
