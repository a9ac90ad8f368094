//! Limit of open files (`RLIMIT_NOFILE`) of processes in containers.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MAX_OPEN_FILES: u64 = 65_536;

/// Returns the limit, or the hard limit of this process if it is lower.
pub fn max_open_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.map_or(MAX_OPEN_FILES, |hard| hard.min(MAX_OPEN_FILES))
}

/// Sets the limit for this process and its children.
pub fn limit_open_files() -> io::Result<()> {
    let most = Some(max_open_files());
    Ok(setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?)
}
