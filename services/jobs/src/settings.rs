//! The settings of jobs.

use hearth_base::{Cpu, Memory};

hearth_kit::settings! {
    /// Jobs.
    pub struct JobsSettings in "jobs" {
        /// Memory of a run whose job does not say.
        memory: Memory = Memory::mib(512),
        /// Processors of a run whose job does not say.
        cpu: Cpu = Cpu::milli(500),
        /// Disk that a run writes beside the tool's home, when its job does not say.
        disk: Memory = Memory::mib(2048),
        /// Processes and threads of one run.
        processes: u32 = 512,
        /// Seconds until a run that is asked to stop is killed.
        grace: u32 = 30,
        /// Seconds until a failed run is retried; each time twice as long.
        retry_pause: u32 = 10,
        /// Days for which runs and the results of due times are kept.
        runs_kept: u32 = 30,
        /// Runs that are kept of one job: the newest.
        runs_most: u32 = 1000,
    }
}
