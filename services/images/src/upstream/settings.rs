//! Settings of an upstream registry.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use axum::http::Uri;
use hearth_base::{Error, PathParam, Result, as_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::quote_untrusted;

/// Maximum length of the name of an upstream, in characters.
const MAX_NAME_CHARS: usize = 40;

/// An upstream registry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// URL of the registry, such as `https://registry.example`; with a path, its repositories are below that path.
    #[schema(value_type = String)]
    pub url: UpstreamUrl,
    /// Beginnings of the names after `FROM` that mean this upstream: `registry.example` or `registry.example/team`.
    /// The longest one that fits a name decides.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub prefixes: Vec<ImagePrefix>,
    /// Repositories that may be pulled, by name, or all below a folder by its name with a final slash: `library/`;
    /// when empty, all.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// User name of the sign-in; when absent, there is none. Everyone who may use this Hearth can then pull what this
    /// user can.
    #[serde(default)]
    pub user: Option<String>,
    /// File with the password, or token, on its first line.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub password_file: Option<PathBuf>,
    /// Bytes that are stored of this upstream. The least recently used content is deleted first.
    #[serde(default = "default_bytes")]
    #[schema(default = 21_474_836_480_u64, required = false)]
    pub bytes: u64,
    /// Days after its last use at which content is deleted.
    #[serde(default = "default_keep_days")]
    #[schema(default = 30, required = false)]
    pub keep_days: u32,
    /// Seconds for which a tag is used without asking the upstream whether it has moved.
    #[serde(default = "default_fresh_seconds")]
    #[schema(default = 60, required = false)]
    pub fresh_seconds: u32,
}

fn default_bytes() -> u64 {
    20 << 30
}

fn default_keep_days() -> u32 {
    30
}

fn default_fresh_seconds() -> u32 {
    60
}

/// Name of an upstream: 1 to 40 lower-case letters, digits and hyphens; the first is a letter, the last a letter or a
/// digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UpstreamName(String);

/// URL of an upstream: `http` or `https`, without user name, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl(Uri);

/// Beginning of an image name: the host of a registry, with or without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePrefix(String);

as_text!(UpstreamName, UpstreamUrl, ImagePrefix);

impl UpstreamName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PathParam for UpstreamName {
    const PARAM_NAME: &'static str = "upstream";
}

impl FromStr for UpstreamName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.len() <= MAX_NAME_CHARS
            && text.bytes().all(fits);
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        let what = format!("the name of an upstream registry is invalid: {}", quote_untrusted(text));
        Err(Error::invalid("name-invalid", what)
            .help(format!("use 1 to {MAX_NAME_CHARS} lower-case letters, digits and hyphens")))
    }
}

impl UpstreamUrl {
    /// The URL without its path.
    pub fn as_uri(&self) -> &Uri {
        &self.0
    }

    /// Path before the names of repositories, with a final slash; empty without one.
    pub fn repository_folder(&self) -> String {
        match self.0.path().trim_matches('/') {
            "" => String::new(),
            folder => format!("{folder}/"),
        }
    }
}

/// True when a password may be sent to this address: on an encrypted connection, or to this machine.
pub fn may_carry_password(address: &Uri) -> bool {
    let host = address.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    address.scheme_str() == Some("https")
        || host == "localhost"
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for UpstreamUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let uri = text.parse::<Uri>().ok().filter(|uri| {
            let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            matches!(uri.scheme_str(), Some("http" | "https"))
                && is_plain
                && uri.query().is_none()
                && !text.contains('#')
                && !uri.path().split('/').any(|part| part == "..")
        });
        uri.map(Self).ok_or_else(|| {
            let what = format!("the URL of an upstream registry is invalid: {}", quote_untrusted(text));
            Error::invalid("upstream-url", what)
                .help("write https://HOST[:PORT][/FOLDER]; a user has its own setting")
        })
    }
}

impl ImagePrefix {
    /// Returns the prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImagePrefix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |byte: u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/')
        };
        let (host, rest) = text.split_once('/').map_or((text, None), |(host, rest)| (host, Some(rest)));
        // The rule of container tools by which the first part of a name is a host.
        let is_host = host.contains(['.', ':']) || host == "localhost";
        let are_parts = rest.is_none_or(|rest| rest.split('/').all(|part| !part.is_empty()));
        if is_host && are_parts && text.bytes().all(fits) && text.len() <= 255 {
            return Ok(Self(text.to_owned()));
        }
        let what = format!("the beginning of image names is invalid: {}", quote_untrusted(text));
        Err(Error::invalid("image-prefix", what)
            .help("write HOST[:PORT][/FOLDER], for example registry.example"))
    }
}

impl fmt::Display for UpstreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ImagePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_of_an_upstream_has_no_user_query_or_parent_folder() {
        for (text, folder) in [
            ("https://registry.example", ""),
            ("https://registry.example/", ""),
            ("http://127.0.0.1:5000/team/", "team/"),
        ] {
            assert_eq!(text.parse::<UpstreamUrl>().unwrap().repository_folder(), folder, "{text}");
        }
        for text in [
            "",
            "registry.example",
            "ftp://registry.example",
            "https://ann:secret@registry.example",
            "https://registry.example?x=1",
            "https://registry.example/#x",
            "https://registry.example/a/../b",
        ] {
            assert!(text.parse::<UpstreamUrl>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn password_is_only_sent_encrypted_or_to_this_machine() {
        let may = |text: &str| may_carry_password(text.parse::<UpstreamUrl>().unwrap().as_uri());
        assert!(may("https://registry.example") && may("http://127.0.0.1:5000") && may("http://localhost"));
        assert!(may("http://127.0.9.1:5000") && may("http://[::1]:5000"));
        assert!(
            !may("http://10.0.0.1") && !may("http://registry.example") && !may("http://127.0.0.1.example")
        );
    }

    #[test]
    fn beginning_of_image_names_has_a_host() {
        for text in ["registry.example", "localhost", "registry.example:5000/team/a"] {
            assert!(text.parse::<ImagePrefix>().is_ok(), "{text}");
        }
        for text in
            ["", "library", "registry.example/", "registry.example//a", "a b.example", "x.example/\"y"]
        {
            assert!(text.parse::<ImagePrefix>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn name_of_an_upstream_is_a_plain_word() {
        for text in ["hub", "a", "hub-2"] {
            assert!(text.parse::<UpstreamName>().is_ok(), "{text}");
        }
        for text in ["", "-hub", "hub-", "Hub", "2hub", "a/b", "..", "ä", &"a".repeat(41)] {
            assert!(text.parse::<UpstreamName>().is_err(), "{text:?}");
        }
    }
}
