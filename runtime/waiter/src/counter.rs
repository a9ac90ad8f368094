//! Counters in kernel files, such as those of a control group.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, OFlags};

/// A counter in a kernel file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter<'a> {
    /// The file.
    pub path: &'a CStr,
    /// The key before the number; empty for a file that contains only a number.
    pub key: &'a str,
    /// Divisor of the number, for a change of units.
    pub divisor: u64,
}

impl Counter<'_> {
    /// Reads the counter; 0 if it cannot be read.
    pub fn read(&self) -> u64 {
        // The wanted keys are among the first of the file.
        let mut text = [0; 1024];
        let file = rustix::fs::openat(CWD, self.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let read = file.and_then(|file| rustix::io::read(file, &mut text)).unwrap_or(0);
        let text = core::str::from_utf8(text.get(..read).unwrap_or_default()).unwrap_or_default();
        parse_counter(text, self.key).unwrap_or(0) / self.divisor.max(1)
    }
}

/// Parses the number after `key` in lines of `key number`, or the whole text for an empty key.
pub fn parse_counter(text: &str, key: &str) -> Option<u64> {
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
    fn number_is_found_alone_or_after_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cpu.stat");
        std::fs::write(&path, "usage_usec 1234567\nuser_usec 1\n").unwrap();
        let path = CString::new(path.to_str().unwrap()).unwrap();
        let counter = |key, divisor| Counter { path: &path, key, divisor }.read();
        assert_eq!((counter("usage_usec", 1000), counter("user_usec", 1), counter("usage", 1)), (1234, 1, 0));
        assert_eq!((parse_counter("42\n", ""), parse_counter("max\n", "")), (Some(42), None));
        assert_eq!(Counter { path: c"/nowhere", key: "", divisor: 1 }.read(), 0);
    }
}
