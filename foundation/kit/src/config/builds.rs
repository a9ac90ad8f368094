//! Settings of builds, of the builder, and of what may be reached for users.

use std::path::PathBuf;

use hearth_base::{Cpu, Memory};
use serde::Deserialize;

use crate::outbound::{Exception, Mirrors};

/// Settings of `builds`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Builds {
    /// How long one build may take, in minutes.
    pub time_limit: u32,
    /// The most that an uploaded folder may hold as an archive, in bytes.
    pub upload_limit: u64,
    /// How many builds that are over are remembered of each tool.
    pub kept: u32,
}

impl Default for Builds {
    fn default() -> Self {
        Self { time_limit: 30, upload_limit: 256 << 20, kept: 50 }
    }
}

/// Settings of the builder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Builder {
    /// How many builds are made at one time.
    pub parallel: u32,
    /// The memory of one build.
    pub memory: Memory,
    /// The processor time of one build.
    pub cpu: Cpu,
    /// The most lines of one build's log that are kept.
    pub log_lines: u64,
    /// pip's settings, given to every build.
    pub pip_config: PathBuf,
    /// npm's settings, given to every build.
    pub npm_config: PathBuf,
    /// The certificates by which builds check servers.
    pub ca_bundle: PathBuf,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            parallel: 2,
            memory: Memory::mib(2048),
            cpu: Cpu::milli(2000),
            log_lines: 20_000,
            pip_config: PathBuf::from("/etc/pip.conf"),
            npm_config: PathBuf::from("/etc/npmrc"),
            ca_bundle: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
        }
    }
}

/// What may be reached for users.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Where the proxy listens through which containers reach out.
    pub listen: String,
    /// Private places that may be reached all the same: `HOST`, `HOST:PORT`, `ADDRESS` or `ADDRESS:PORT`.
    pub allow: Vec<Exception>,
    /// Where that is fetched from which is below an address: `"https://HOST/PATH" = "https://MIRROR/PATH"`.
    pub mirrors: Mirrors,
}

impl Default for Outbound {
    fn default() -> Self {
        Self { listen: "127.0.0.1:3128".to_owned(), allow: Vec::new(), mirrors: Mirrors::default() }
    }
}
