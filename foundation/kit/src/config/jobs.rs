//! Settings of `jobs`.

use hearth_base::{Cpu, Memory};
use serde::Deserialize;

/// Settings of `jobs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// Memory of a run whose job does not say.
    pub memory: Memory,
    /// Processors of a run whose job does not say.
    pub cpu: Cpu,
    /// What a run whose job does not say may write beside the tool's home.
    pub disk: Memory,
    /// The most processes and threads of one run.
    pub processes: u32,
    /// How long a run that is to stop may take until it is killed, in seconds.
    pub grace: u32,
    /// How long a run that failed rests before it is tried again, in seconds; each time twice as long.
    pub retry_pause: u32,
    /// How long runs and what became of due times are remembered, in days.
    pub runs_kept: u32,
    /// How many of them are remembered of one job.
    pub runs_most: u32,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            memory: Memory::mib(512),
            cpu: Cpu::milli(500),
            disk: Memory::mib(2048),
            processes: 512,
            grace: 30,
            retry_pause: 10,
            runs_kept: 30,
            runs_most: 1000,
        }
    }
}
