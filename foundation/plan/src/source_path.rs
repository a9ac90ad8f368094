//! Paths inside a source that may stand in a Containerfile and in a command unchanged.

use std::{borrow::Cow, fmt};

/// Maximum length of a path in bytes.
const MAX_PATH_BYTES: usize = 200;

/// Relative path below the top folder of a source: letters, digits and `._-`, separated by `/`, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePath(Cow<'static, str>);

impl SourcePath {
    /// Parses a path, with or without a leading `./` and a trailing `/`; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name =
            |name: &str| !matches!(name, "" | "." | "..") && !name.starts_with('-') && name.bytes().all(fits);
        (text.len() <= MAX_PATH_BYTES && text.split('/').all(is_name))
            .then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// A path that is known to be valid.
    pub(crate) const fn from_known(path: &'static str) -> Self {
        Self(Cow::Borrowed(path))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_paths() {
        for (text, path) in [("dist", "dist"), ("./a/b.c/", "a/b.c"), ("_site", "_site"), (".next", ".next")]
        {
            assert_eq!(SourcePath::parse(text).as_ref().map(SourcePath::as_str), Some(path));
        }
        for text in ["", ".", "..", "a/../b", "/a", "a//b", "-x", "a/-x", "a b", "a$b", "a\nRUN x", "ä"] {
            assert_eq!(SourcePath::parse(text), None, "{text:?}");
        }
    }
}
