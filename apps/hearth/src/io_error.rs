//! Descriptions of I/O errors.

use std::io::{Error, ErrorKind};

/// Describes `cause`, without its path, for the end of a sentence that names the path.
pub fn describe_io_error(cause: &Error) -> String {
    let reason = match cause.kind() {
        ErrorKind::NotFound => "no such file or folder",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "no space left",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is not a folder",
        ErrorKind::AlreadyExists => "it exists already",
        ErrorKind::InvalidData => "it is not text",
        _ => {
            let text = cause.to_string();
            return text.split(" (os error").next().unwrap_or(&text).to_owned();
        }
    };
    reason.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_has_no_error_number_and_no_path() {
        let missing =
            std::fs::File::open("/there/is/no/such/folder").map_err(|cause| describe_io_error(&cause));
        assert_eq!(missing.err().as_deref(), Some("no such file or folder"));
        assert!(!describe_io_error(&Error::from_raw_os_error(24)).contains("os error"));
    }
}
