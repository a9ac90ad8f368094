//! Settings of this service.

use hearth_base::{Cpu, Memory};

hearth_kit::settings! {
    /// Jobs.
    pub struct JobsSettings in "jobs" {
        /// Memory of a run by default.
        memory: Memory = Memory::from_mib(512),
        /// Processors of a run by default.
        cpu: Cpu = Cpu::from_milli(500),
        /// Disk that a run may write outside of the tool's home, by default.
        disk: Memory = Memory::from_mib(2048),
        /// Maximum processes and threads of one run.
        processes: u32 = 512,
        /// Seconds between the stop signal of a run and its kill.
        grace: u32 = 30,
        /// Seconds until a failed run is retried; doubled for each further retry.
        retry_pause: u32 = 10,
        /// Days for which runs and the outcomes of due times are stored.
        runs_kept: u32 = 30,
        /// Maximum number of runs that are stored per job.
        runs_most: u32 = 1000,
    }
}
