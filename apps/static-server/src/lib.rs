//! Serves the files of a folder.
//!
//! A file is identified by its content, and a browser asks each time whether it is still the same. Files whose names
//! begin with a dot, files that describe the build, and lists of folders are not served.

mod content;
mod reply;
mod site;

use std::{
    fmt,
    io::{self, Write as _},
};

pub use reply::{ReplyBody, StaticSite};

/// Writes a line to the log. A closed log is no reason to stop.
pub fn write_log_line(line: fmt::Arguments<'_>) {
    let _closed = writeln!(io::stderr(), "{line}");
}
