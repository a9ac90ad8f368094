//! Files of this machine that an argument names.

use std::{io, path::Path};

use hearth_base::{Error, Result};

use crate::io_error::describe_io_error;

/// Reads a file of at most `max_bytes`.
pub fn read_limited_file(path: &Path, max_bytes: usize) -> Result<Vec<u8>> {
    let refused = |cause: io::Error| build_read_error(path, &describe_io_error(&cause));
    let too_large = || build_read_error(path, &format!("it has more than {max_bytes} bytes"));
    let content = std::fs::metadata(path).and_then(|metadata| match metadata.len() > max_bytes as u64 {
        true => Ok(None),
        false => std::fs::read(path).map(Some),
    });
    content.map_err(refused)?.ok_or_else(too_large)
}

/// Builds the error for a file that cannot be read.
pub fn build_read_error(path: &Path, why: &str) -> Error {
    Error::invalid("file-unreadable", format!("{} cannot be read: {why}", path.display()))
        .help("pass the path of a file")
}
