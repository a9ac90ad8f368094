//! Numbers that the kernel keeps in files, such as those of a control group.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, OFlags};

/// One number of the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter<'a> {
    /// The file.
    pub path: &'a CStr,
    /// The name before the number, or nothing in a file that is one number.
    pub key: &'a str,
    /// The number is divided by this.
    pub per: u64,
}

impl Counter<'_> {
    /// The number; what can't be read is 0.
    pub fn read(&self) -> u64 {
        // The names that are asked for are among the first.
        let mut text = [0; 1024];
        let file = rustix::fs::openat(CWD, self.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let read = file.and_then(|file| rustix::io::read(file, &mut text)).unwrap_or(0);
        let text = core::str::from_utf8(text.get(..read).unwrap_or_default()).unwrap_or_default();
        count(text, self.key).unwrap_or(0) / self.per.max(1)
    }
}

/// The number behind `key` in lines of `key number`, or the only one there is when `key` is empty.
pub fn count(text: &str, key: &str) -> Option<u64> {
    if key.is_empty() {
        return text.trim().parse().ok();
    }
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(found, _)| *found == key).and_then(|(_, number)| number.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn a_number_is_found_alone_or_behind_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cpu.stat");
        std::fs::write(&path, "usage_usec 1234567\nuser_usec 1\n").unwrap();
        let path = CString::new(path.to_str().unwrap()).unwrap();
        let counter = |key, per| Counter { path: &path, key, per }.read();
        assert_eq!((counter("usage_usec", 1000), counter("user_usec", 1), counter("usage", 1)), (1234, 1, 0));
        assert_eq!((count("42\n", ""), count("max\n", "")), (Some(42), None));
        assert_eq!(Counter { path: c"/nowhere", key: "", per: 1 }.read(), 0);
    }
}
