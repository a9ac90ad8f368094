//! Control group in cgroups v2, the unified hierarchy.

use std::{fs, io, path::PathBuf};

use super::{Cgroup, CgroupUsage, CounterFile, CounterFiles, kill_members, read_entry, read_number};

pub struct CgroupV2(PathBuf);

impl CgroupV2 {
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }
}

impl Cgroup for CgroupV2 {
    fn list_folders(&self) -> Vec<PathBuf> {
        vec![self.0.clone()]
    }

    fn counter_files(&self) -> CounterFiles {
        let fact = |name, key| CounterFile::new(self.0.join(name), key, 1);
        CounterFiles {
            oom_kills: fact("memory.events", "oom_kill"),
            peak_memory: fact("memory.peak", ""),
            cpu_micros: fact("cpu.stat", "usage_usec"),
            refused_forks: fact("pids.events", "max"),
        }
    }

    fn read_usage(&self) -> CgroupUsage {
        let CounterFiles { oom_kills, peak_memory, cpu_micros, refused_forks } = self.counter_files();
        let file = |name: &str| self.0.join(name);
        let held = read_number(&file("memory.current"));
        CgroupUsage {
            memory: held.saturating_sub(read_entry(&file("memory.stat"), "inactive_file")),
            peak_memory: peak_memory.as_counter().read(),
            cpu_micros: cpu_micros.as_counter().read(),
            processes: read_number(&file("pids.current")),
            oom_kills: oom_kills.as_counter().read(),
            refused_forks: refused_forks.as_counter().read(),
        }
    }

    fn join_cgroup(&self) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), "0")
    }

    fn kill_processes(&self) -> io::Result<()> {
        match fs::write(self.0.join("cgroup.kill"), "1") {
            // The kernel is older than 5.14 and has no `cgroup.kill`, or the group is removed.
            Err(error) if super::is_removed(&error) => kill_members(&self.0),
            killed => killed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_use_of_a_v2_group_is_read() -> io::Result<()> {
        let tree = tempfile::tempdir()?;
        let put = |name: &str, text: &str| fs::write(tree.path().join(name), text);
        put("memory.current", "5000000\n")?;
        put("memory.stat", "anon 1\ninactive_file 1000000\n")?;
        put("memory.peak", "7000000\n")?;
        put("memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n")?;
        put("cpu.stat", "usage_usec 1234\nuser_usec 1000\n")?;
        put("pids.current", "3\n")?;
        put("pids.events", "max 4\n")?;
        let used = CgroupUsage {
            memory: 4_000_000,
            peak_memory: 7_000_000,
            cpu_micros: 1234,
            processes: 3,
            oom_kills: 1,
            refused_forks: 4,
        };
        assert_eq!(CgroupV2::new(tree.path().to_owned()).read_usage(), used);
        Ok(())
    }
}
