//! The container's end of its network.

use std::{io, os::fd::OwnedFd};

use crate::network;

use super::brief::Brief;

/// Waits in a new network namespace until it is killed.
pub fn hold() -> ! {
    if rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).is_err() {
        crate::sys::child::exit(1);
    }
    loop {
        let _ = rustix::thread::nanosleep(&rustix::fs::Timespec { tv_sec: 3600, tv_nsec: 0 });
    }
}

/// Joins the container's network namespace to its tool's bridge.
pub fn connect(brief: &Brief, holder: i32, holder_fd: &OwnedFd) -> io::Result<()> {
    match &brief.link {
        Some(link) => network::connect(link, holder, holder_fd),
        None => Ok(()),
    }
}
