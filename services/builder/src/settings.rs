//! Settings of the builder.

use std::path::PathBuf;

use hearth_base::{Cpu, Memory};

hearth_kit::settings! {
    /// The builder.
    pub struct BuilderSettings in "builder" {
        /// Builds that run at one time; the builds of one tool run one after the other.
        parallel: u32 = 2,
        /// Memory of one build.
        memory: Memory = Memory::from_mib(2048),
        /// Processors of one build.
        cpu: Cpu = Cpu::from_milli(2000),
        /// Lines of one build's log to store.
        log_lines: u64 = 20_000,
        /// Settings of pip, mounted into each build step; omitted when the file does not exist.
        pip_config: PathBuf = PathBuf::from("/etc/pip.conf"),
        /// Settings of npm, mounted into each build step; omitted when the file does not exist.
        npm_config: PathBuf = PathBuf::from("/etc/npmrc"),
        /// Certificates by which builds verify servers.
        ca_bundle: PathBuf = PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
    }
}
