//! The container's network namespace and its connection to the tool's bridge.

use std::{io, os::fd::OwnedFd};

use crate::network;

use super::config::HelperConfig;

/// Keeps a new network namespace alive: sleeps until this process is killed.
pub fn wait_until_killed() -> ! {
    if rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).is_err() {
        crate::sys::child::exit_immediately(1);
    }
    loop {
        let _ = rustix::thread::nanosleep(&rustix::fs::Timespec { tv_sec: 3600, tv_nsec: 0 });
    }
}

/// Connects the container's network namespace to its tool's bridge.
pub fn connect_container(config: &HelperConfig, holder: i32, holder_fd: &OwnedFd) -> io::Result<()> {
    match &config.link {
        Some(link) => network::connect_container(link, holder, holder_fd),
        None => Ok(()),
    }
}
