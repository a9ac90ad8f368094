//! A group in the unified hierarchy.

use std::{fs, io, path::PathBuf};

use super::{Fact, Facts, Group, Used, entry, kill_members, number};

pub struct Unified(PathBuf);

impl Unified {
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }
}

impl Group for Unified {
    fn folders(&self) -> Vec<PathBuf> {
        vec![self.0.clone()]
    }

    fn facts(&self) -> Facts {
        let fact = |name, key| Fact::new(self.0.join(name), key, 1);
        Facts {
            oom_kills: fact("memory.events", "oom_kill"),
            peak_memory: fact("memory.peak", ""),
            cpu_micros: fact("cpu.stat", "usage_usec"),
            refused: fact("pids.events", "max"),
        }
    }

    fn used(&self) -> Used {
        let Facts { oom_kills, peak_memory, cpu_micros, refused } = self.facts();
        let file = |name: &str| self.0.join(name);
        let held = number(&file("memory.current"));
        Used {
            memory: held.saturating_sub(entry(&file("memory.stat"), "inactive_file")),
            peak_memory: peak_memory.counter().read(),
            cpu_micros: cpu_micros.counter().read(),
            processes: number(&file("pids.current")),
            oom_kills: oom_kills.counter().read(),
            refused: refused.counter().read(),
        }
    }

    fn join(&self) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), "0")
    }

    fn kill(&self) -> io::Result<()> {
        match fs::write(self.0.join("cgroup.kill"), "1") {
            // Since Linux 5.14; and nothing is left to kill in a group that is gone.
            Err(error) if super::is_gone(&error) => kill_members(&self.0),
            killed => killed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_group_is_read() -> io::Result<()> {
        let tree = tempfile::tempdir()?;
        let put = |name: &str, text: &str| fs::write(tree.path().join(name), text);
        put("memory.current", "5000000\n")?;
        put("memory.stat", "anon 1\ninactive_file 1000000\n")?;
        put("memory.peak", "7000000\n")?;
        put("memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n")?;
        put("cpu.stat", "usage_usec 1234\nuser_usec 1000\n")?;
        put("pids.current", "3\n")?;
        put("pids.events", "max 4\n")?;
        let used = Used {
            memory: 4_000_000,
            peak_memory: 7_000_000,
            cpu_micros: 1234,
            processes: 3,
            oom_kills: 1,
            refused: 4,
        };
        assert_eq!(Unified::at(tree.path().to_owned()).used(), used);
        Ok(())
    }
}
