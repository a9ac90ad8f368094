//! Log spools of containers on the disk. They may be damaged: the waiter may be killed, or the disk be full,
//! at any time.

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
    /// In-memory file for the input.
    static LOG_FILE: RefCell<Option<File>> = RefCell::new(memfd_create("log", MemfdFlags::CLOEXEC).map(File::from).ok());
}

/// Input: a log, and at the same time the text of a `log.taken` file.
pub fn run_target(input: &[u8]) {
    let (offset, sequence) = read_taken(&String::from_utf8_lossy(input));
    assert!((offset, sequence) == (0, 0) || input.contains(&b' '), "a position consists of two numbers");
    LOG_FILE.with_borrow_mut(|log| {
        let Some(log) = log else { return };
        let written = log.set_len(0).and_then(|()| log.rewind()).and_then(|()| log.write_all(input));
        let path = format!("/proc/self/fd/{}", log.as_raw_fd());
        let read = written.and_then(|()| read_log(Path::new(&path), 1000));
        let Ok((lines, (offset, _))) = read else { return };
        assert!(offset <= input.len() as u64, "no frame continues beyond the end of the file");
        let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
        // An invalid UTF-8 byte becomes a replacement character of three bytes.
        assert!(bytes <= input.len() * 3, "the text is not longer than the input");
    });
}
