//! Paths of the home on the command line.

use hearth_base::{ErrorKind, Result};
use hearth_wire::storage::{FileListing, FileQuery};

use crate::tool_session::ToolSession;

/// The prefix of a path of the home.
const HOME_PREFIX: &str = "home:";

/// Returns the path behind `home:`, or `None` for a path of this machine.
pub fn parse_home_path(text: &str) -> Option<&str> {
    text.strip_prefix(HOME_PREFIX)
}

/// Joins a path of the home and a name.
pub fn join_home_path(folder: &str, name: &str) -> String {
    match folder.trim_end_matches('/') {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// Returns the last part of a path of the home; empty for the home itself.
pub fn extract_last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Fetches a file, or a folder with its entries.
pub async fn fetch_listing(session: &ToolSession<'_>, path: &str) -> Result<FileListing> {
    let query = FileQuery { path: path.to_owned() };
    session.send(session.client().storage().list_files(session.tool_name(), &query)).await
}

/// Fetches a file or folder if it exists.
pub async fn find_listing(session: &ToolSession<'_>, path: &str) -> Result<Option<FileListing>> {
    match fetch_listing(session, path).await {
        Err(error) if error.kind() == ErrorKind::NotFound && error.code() == "no-such-file" => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_the_home_has_a_prefix() {
        assert_eq!(parse_home_path("home:data/x"), Some("data/x"));
        assert_eq!(parse_home_path("data/x"), None);
        assert_eq!(join_home_path("data/", "x"), "data/x");
        assert_eq!((join_home_path("", "x"), extract_last_part("a/b/")), ("x".to_owned(), "b"));
    }
}
