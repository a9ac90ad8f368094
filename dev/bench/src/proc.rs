//! What the kernel tells about processes (`proc(5)`).

use std::{fs, path::PathBuf, time::Duration};

use hearth_base::{Error, Result};

/// Memory of processes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident: pages shared with others count in each.
    pub resident: u64,
    /// Resident: pages shared by several count in parts that add up to one.
    pub proportional: u64,
    /// Pages that no other process has.
    pub private: u64,
}

/// The memory of these processes together.
pub fn memory(pids: &[u32]) -> Result<Memory> {
    let mut sum = Memory::default();
    for pid in pids {
        let text = read(*pid, "smaps_rollup")?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            number.unwrap_or(0) * 1024
        };
        sum.resident += field("Rss");
        sum.proportional += field("Pss");
        sum.private += field("Private_Clean") + field("Private_Dirty");
    }
    Ok(sum)
}

/// Processor time that these processes have used, in user and kernel together (`proc_pid_stat(5)`, fields 14
/// and 15).
pub fn cpu(pids: &[u32]) -> Result<Duration> {
    /// What the kernel calls `USER_HZ`: 100 on every machine that Hearth runs on.
    const TICK: Duration = Duration::from_millis(10);
    let mut ticks = 0;
    for pid in pids {
        let stat = read(*pid, "stat")?;
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let fields = behind_name.split_whitespace().skip(11).take(2);
        ticks += fields.filter_map(|field| field.parse::<u32>().ok()).sum::<u32>();
    }
    Ok(TICK * ticks)
}

/// These processes and all that they, and those, have started.
pub fn family(pids: &[u32]) -> Vec<u32> {
    let mut family = pids.to_vec();
    let mut at = 0;
    while let Some(pid) = family.get(at).copied() {
        for child in children(pid) {
            if !family.contains(&child) {
                family.push(child);
            }
        }
        at += 1;
    }
    family
}

/// The processes that any thread of this one has started.
pub fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The program that a process runs.
pub fn program(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// The name by which a process was started.
pub fn name(pid: u32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split('\0').next().unwrap_or_default().to_owned()
}

/// Bytes as millions of them.
#[expect(clippy::cast_precision_loss, reason = "a figure to be looked at")]
pub fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn read(pid: u32, file: &str) -> Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(Error::internal)
}
