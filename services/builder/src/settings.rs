//! Settings of the builder.

use std::path::PathBuf;

use hearth_base::{Cpu, Memory};

hearth_kit::settings! {
    /// The builder.
    pub struct BuilderSettings in "builder" {
        /// Builds that run at one time; a tool's run one after the other.
        parallel: u32 = 2,
        /// Memory of one build.
        memory: Memory = Memory::mib(2048),
        /// Processors of one build.
        cpu: Cpu = Cpu::milli(2000),
        /// Lines of one build's log that are kept.
        log_lines: u64 = 20_000,
        /// pip's settings, which the steps of every build see; left out when there is no such file.
        pip_config: PathBuf = PathBuf::from("/etc/pip.conf"),
        /// npm's settings, which the steps of every build see; left out when there is no such file.
        npm_config: PathBuf = PathBuf::from("/etc/npmrc"),
        /// Certificates by which builds check servers.
        ca_bundle: PathBuf = PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
    }
}
