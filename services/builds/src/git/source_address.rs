//! Addresses that source credentials are for.

use std::{fmt, str::FromStr};

use hearth_base::{Error, Result};
use http::Uri;

use super::RepositoryAddress;

/// Maximum length of an address, in characters.
const MAX_ADDRESS_CHARS: usize = 255;

/// Address of a repository, or of all repositories below it: origin and path, without `.git` at its end.
///
/// Segments of the path are compared whole and as they are written, so that no form of an address reaches a repository that
/// it does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAddress {
    scheme: String,
    /// Host in lower case; an IPv6 address is in brackets.
    host: String,
    /// Port; `None` for that of the scheme.
    port: Option<u16>,
    segments: Vec<String>,
}

impl SourceAddress {
    /// True when the address of a repository is this address or below it.
    pub fn covers_repository(&self, repository: &Self) -> bool {
        self.has_origin_of(repository) && repository.segments.starts_with(&self.segments)
    }

    /// True when scheme, host and port are those of another address.
    pub fn has_origin_of(&self, other: &Self) -> bool {
        (&self.scheme, &self.host, self.port) == (&other.scheme, &other.host, other.port)
    }

    /// Number of segments: of two addresses that cover a repository, the one with more is the more exact.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Host in lower case, without the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// True for `https`.
    pub fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }
}

impl FromStr for SourceAddress {
    type Err = Error;

    /// Error `source-address` (invalid). It does not repeat the address, which may have a password.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_ADDRESS_CHARS {
            return Err(build_address_error(&format!("it is longer than {MAX_ADDRESS_CHARS} characters")));
        }
        let parsed: RepositoryAddress = text.parse().map_err(|error: Error| {
            let message = error.public_message();
            build_address_error(message.strip_prefix("source_url is invalid: ").unwrap_or(message))
        })?;
        let uri: Uri = parsed.to_string().parse().map_err(|_| build_address_error("it is not a URL"))?;
        let scheme = uri.scheme_str().unwrap_or_default().to_owned();
        let default_port = if scheme == "https" { 443 } else { 80 };
        let segments = parse_segments(uri.path())?;
        Ok(Self {
            host: uri.host().unwrap_or_default().to_ascii_lowercase(),
            port: uri.port_u16().filter(|port| *port != default_port),
            scheme,
            segments,
        })
    }
}

/// Splits a path into its segments, without `.git` at the end of the last one.
fn parse_segments(path: &str) -> Result<Vec<String>> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Err(build_address_error("it has no path; name a repository or a folder of them"));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+@:/".contains(&byte);
    if !path.bytes().all(fits) {
        return Err(build_address_error("its path has characters other than letters, digits and -._~%+@:"));
    }
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    if segments.iter().any(|segment| segment.is_empty() || is_traversal(segment)) {
        return Err(build_address_error("its path has an empty segment, . or .., or an encoded slash"));
    }
    if let Some(last) = segments.last_mut()
        && let Some(name) = last.strip_suffix(".git").filter(|name| !name.is_empty())
    {
        *last = name.to_owned();
    }
    Ok(segments)
}

/// True for a segment that leaves its folder, also after percent-decoding by the server.
fn is_traversal(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".." || ["%2f", "%5c", "%00"].iter().any(|code| plain.contains(code))
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.segments.join("/"))
    }
}

fn build_address_error(why: &str) -> Error {
    Error::invalid("source-address", format!("the address of the credential is invalid: {why}")).help(
        "give the address of a repository, as https://git.example/team/project, or of a folder of them, as \
         https://git.example/team",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_address(text: &str) -> SourceAddress {
        text.parse().unwrap()
    }

    #[test]
    fn forms_of_one_address_are_equal() {
        for text in [
            "https://Code.example/ada/secret",
            "HTTPS://code.example:443/ada/secret.git",
            "https://code.example/ada/secret/",
        ] {
            assert_eq!(parse_address(text).to_string(), "https://code.example/ada/secret", "{text}");
        }
        assert_eq!(parse_address("http://127.0.0.1:8080/x.git").to_string(), "http://127.0.0.1:8080/x");
        assert_eq!(parse_address("https://[::1]/a").to_string(), "https://[::1]/a");
    }

    #[test]
    fn address_covers_itself_and_what_is_below() {
        let folder = parse_address("https://code.example/ada");
        for covered in ["https://code.example/ada", "https://code.example/ada/secret.git"] {
            assert!(folder.covers_repository(&parse_address(covered)), "{covered}");
        }
        for other in [
            "http://code.example/ada/secret",
            "https://code.example:8443/ada/secret",
            "https://code.example.evil.example/ada/secret",
            "https://evil.example/ada",
            "https://code.example/adam/secret",
            "https://code.example/ada.gitx/secret",
            "https://code.example/Ada/secret",
            "https://code.example/x/ada",
        ] {
            assert!(!folder.covers_repository(&parse_address(other)), "{other}");
        }
        assert!(!parse_address("https://code.example/ada/secret").covers_repository(&folder));
    }

    #[test]
    fn hostile_addresses_are_refused_without_repeating_them() {
        for text in [
            "https://code.example/ada/../evil",
            "https://code.example/ada/%2e%2E/evil",
            "https://code.example/ada/%2e%2e%2fevil",
            "https://code.example/ada//secret",
            "https://code.example/ada/%5c..",
            "https://code.example/ada\"]/x",
            "https://user:hunter2@code.example/ada",
            "https://code.example/a?hunter2",
            "https://code.example",
            "https://code.example/",
            "ssh://git@code.example/ada",
            "git@code.example:ada/secret",
            "https://code.example/a\nb",
        ] {
            let error = text.parse::<SourceAddress>().err().unwrap();
            assert_eq!(error.code(), "source-address", "{text}");
            assert!(error.public_messages().all(|message| !message.contains("hunter2")), "{text}");
        }
        assert!(format!("https://code.example/{}", "x".repeat(300)).parse::<SourceAddress>().is_err());
    }
}
