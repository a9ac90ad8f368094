//! Names in the registry (OCI distribution specification, "Pulling manifests"). These types hold only valid
//! names.

use std::{fmt, str::FromStr};

pub use hearth_base::ImageName;
use hearth_base::{Digest, Error, PathParam, Result, ToolId, ToolName};

/// Owner of a repository: the first part of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryOwner {
    /// `hearth`: images that every tool can use.
    Provided,
    /// `tool-NAME`: images of a tool.
    Tool(ToolId, ToolName),
}

impl RepositoryOwner {
    /// Key of the owner in the database: for a tool its id, because a name may be reused.
    pub fn owner_key(&self) -> String {
        match self {
            Self::Provided => PROVIDED_OWNER.to_owned(),
            Self::Tool(id, _) => id.to_string(),
        }
    }
}

/// Name and database key of the owner of provided images.
pub const PROVIDED_OWNER: &str = "hearth";

impl fmt::Display for RepositoryOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provided => f.write_str(PROVIDED_OWNER),
            Self::Tool(_, name) => write!(f, "tool-{name}"),
        }
    }
}

/// Name of a tag: 1 to 128 letters, digits, `.`, `_` and `-`; the first is a letter, a digit or `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagName(String);

/// Reference to a manifest within a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestReference {
    /// A tag, which can be moved.
    Tag(TagName),
    /// A digest of the manifest's content.
    Digest(Digest),
}

impl FromStr for TagName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_valid = text.bytes().next().is_some_and(word)
            && text.len() <= 128
            && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("manifest-invalid", format!("{} is not a tag", quote_untrusted(text)))
            .help("use letters, digits, dots, hyphens and underscores, for example latest or v1.2"))
    }
}

impl FromStr for ManifestReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains(':') { text.parse().map(Self::Digest) } else { text.parse().map(Self::Tag) }
    }
}

impl fmt::Display for ManifestReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(&tag.0),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl TagName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PathParam for TagName {
    const PARAM_NAME: &'static str = "tag";
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PathParam for ManifestReference {
    const PARAM_NAME: &'static str = "reference";
}

/// Quotes untrusted text for messages, cut to 100 characters.
pub fn quote_untrusted(text: &str) -> String {
    let cut: String = text.chars().take(100).collect();
    format!("{cut:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_names_follow_the_specification() {
        for text in ["latest", "v1.2-rc_3", "_x", "A"] {
            assert!(text.parse::<TagName>().is_ok(), "{text}");
        }
        for text in ["", ".x", "-x", "a/b", "a:b", "a b", "ä"] {
            assert!(text.parse::<TagName>().is_err(), "{text:?}");
        }
        assert!("sha256:short".parse::<ManifestReference>().is_err());
    }
}
