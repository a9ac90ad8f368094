//! Why the operating system refused something, in words.

use std::io::{Error, ErrorKind};

/// The reason, as the end of a sentence. It names no path: whoever says the sentence does.
pub fn why(cause: &Error) -> String {
    let reason = match cause.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "this user may not do that",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "there is no room left",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is not a folder",
        ErrorKind::AlreadyExists => "it is there by now",
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
    fn a_reason_has_no_numbers_and_no_path() {
        let missing = std::fs::File::open("/there/is/no/such/folder").map_err(|cause| why(&cause));
        assert_eq!(missing.err().as_deref(), Some("there is no such file or folder"));
        assert!(!why(&Error::from_raw_os_error(24)).contains("os error"));
    }
}
