//! Logs of containers on the disk. The waiter writes them, and it may be killed, and its disk be full, at any moment.

use std::{
    cell::RefCell,
    fs::File,
    io::{Seek, Write},
    os::fd::AsRawFd,
    path::Path,
};

use hearth_runtime_local::fuzzing::{read_log, read_taken};
use rustix::fs::{MemfdFlags, memfd_create};

thread_local! {
    /// A file that is on no disk.
    static LOG: RefCell<Option<File>> = RefCell::new(memfd_create("log", MemfdFlags::CLOEXEC).map(File::from).ok());
}

/// An input is a log, and as text a `log.taken` file.
pub fn log_frames(input: &[u8]) {
    let (offset, sequence) = read_taken(&String::from_utf8_lossy(input));
    assert!((offset, sequence) == (0, 0) || input.contains(&b' '), "a place is two numbers");
    LOG.with_borrow_mut(|log| {
        let Some(log) = log else { return };
        let written = log.set_len(0).and_then(|()| log.rewind()).and_then(|()| log.write_all(input));
        let path = format!("/proc/self/fd/{}", log.as_raw_fd());
        let read = written.and_then(|()| read_log(Path::new(&path), 1000));
        let Ok((lines, (offset, _))) = read else { return };
        assert!(offset <= input.len() as u64, "no frame goes on behind the end");
        let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
        // A byte that is no UTF-8 is shown as a character of three.
        assert!(bytes <= input.len() * 3, "no more is read than there is");
    });
}
