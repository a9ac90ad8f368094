//! How many files a process in a container may have open.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MOST: u64 = 65_536;

/// The most, or what the host allows this process, if that is less.
pub fn most() -> u64 {
    getrlimit(Resource::Nofile).maximum.map_or(MOST, |hard| hard.min(MOST))
}

/// Allows this process, and what it starts, no more.
pub fn limit() -> io::Result<()> {
    let most = Some(most());
    Ok(setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?)
}
