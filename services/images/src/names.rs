//! Names in the registry (OCI distribution specification, "Pulling manifests"). A value of one of these types
//! has been checked.

use std::{fmt, str::FromStr};

pub use hearth_base::ImageName;
use hearth_base::{Digest, Error, PathParam, Result, ToolId, ToolName};

/// Whose a repository is: the first part of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Space {
    /// `hearth`: what this Hearth provides to every tool.
    Provided,
    /// `tool-NAME`: a tool's.
    Tool(ToolId, ToolName),
}

impl Space {
    /// How its rows are keyed: a tool's by its id, for names are not for ever.
    pub fn owner(&self) -> String {
        match self {
            Self::Provided => PROVIDED.to_owned(),
            Self::Tool(id, _) => id.to_string(),
        }
    }
}

/// The owner of what this Hearth provides.
pub const PROVIDED: &str = "hearth";

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provided => f.write_str(PROVIDED),
            Self::Tool(_, name) => write!(f, "tool-{name}"),
        }
    }
}

/// A tag: 1 to 128 letters, digits, `.`, `_` and `-`, beginning with none of the last but `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagName(String);

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By a name that can be moved.
    Tag(TagName),
    /// By what it is.
    Digest(Digest),
}

impl FromStr for TagName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = text.bytes().next().is_some_and(word)
            && text.len() <= 128
            && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("manifest-invalid", format!("{} is no tag", shown(text)))
            .help("a tag is letters, digits, dots, hyphens and underscores, as in latest or v1.2"))
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains(':') { text.parse().map(Self::Digest) } else { text.parse().map(Self::Tag) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(&tag.0),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl TagName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PathParam for TagName {
    const PARAM: &'static str = "tag";
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PathParam for Reference {
    const PARAM: &'static str = "reference";
}

/// Untrusted text, fit to be repeated.
pub fn shown(text: &str) -> String {
    let cut: String = text.chars().take(100).collect();
    format!("{cut:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_as_the_specification_says() {
        for text in ["latest", "v1.2-rc_3", "_x", "A"] {
            assert!(text.parse::<TagName>().is_ok(), "{text}");
        }
        for text in ["", ".x", "-x", "a/b", "a:b", "a b", "ä"] {
            assert!(text.parse::<TagName>().is_err(), "{text:?}");
        }
        assert!("sha256:short".parse::<Reference>().is_err());
    }
}
