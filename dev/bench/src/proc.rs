//! Information about processes from `/proc` (`proc(5)`).

use std::{fs, path::PathBuf, time::Duration};

use hearth_base::{Error, Result};

/// Memory of processes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Resident set size: shared pages count fully in each process.
    pub resident: u64,
    /// Proportional set size: shared pages are divided among the processes that share them.
    pub proportional: u64,
    /// Private pages, not shared with another process.
    pub private: u64,
}

/// Reads the total memory of these processes.
pub fn read_memory(pids: &[u32]) -> Result<ProcessMemory> {
    let mut sum = ProcessMemory::default();
    for pid in pids {
        let text = read_proc_file(*pid, "smaps_rollup")?;
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

/// Reads the total user and system processor time of these processes (`proc_pid_stat(5)`, fields 14 and 15).
pub fn read_cpu_time(pids: &[u32]) -> Result<Duration> {
    /// `USER_HZ` of the kernel: 100 on all supported architectures.
    const CLOCK_TICK: Duration = Duration::from_millis(10);
    let mut ticks = 0;
    for pid in pids {
        let stat = read_proc_file(*pid, "stat")?;
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let fields = behind_name.split_whitespace().skip(11).take(2);
        ticks += fields.filter_map(|field| field.parse::<u32>().ok()).sum::<u32>();
    }
    Ok(CLOCK_TICK * ticks)
}

/// Lists these processes and all their descendants.
pub fn list_family(pids: &[u32]) -> Vec<u32> {
    let mut family = pids.to_vec();
    let mut at = 0;
    while let Some(pid) = family.get(at).copied() {
        for child in list_children(pid) {
            if !family.contains(&child) {
                family.push(child);
            }
        }
        at += 1;
    }
    family
}

/// Lists the children of all threads of a process.
pub fn list_children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Reads the path of a process's program.
pub fn read_program(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Reads the first argument (`argv[0]`) of a process.
pub fn read_name(pid: u32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split('\0').next().unwrap_or_default().to_owned()
}

/// Converts bytes to megabytes (10⁶ bytes).
#[expect(clippy::cast_precision_loss, reason = "a figure for display")]
pub fn to_megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn read_proc_file(pid: u32, file: &str) -> Result<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(Error::internal)
}
