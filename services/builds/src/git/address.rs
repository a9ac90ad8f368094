//! Addresses of git repositories.

use std::{fmt, str::FromStr};

use hearth_base::{Error, Result};
use hearth_kit::outbound::OutboundClient;
use http::Uri;

/// Valid address of a repository: HTTP or HTTPS, not an option of git, and without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryAddress(String);

impl RepositoryAddress {
    /// URL of the list of refs (`gitprotocol-http`, "Discovering References").
    pub fn refs_url(&self) -> Result<Uri> {
        format!("{}/info/refs?service=git-upload-pack", self.0.trim_end_matches('/'))
            .parse()
            .map_err(|_| build_address_error("it is not a URL"))
    }

    /// The same with `.git` at the end of the repository's path.
    pub fn refs_url_with_git_suffix(&self) -> Result<Uri> {
        let path = self.0.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        format!("{path}.git/info/refs?service=git-upload-pack")
            .parse()
            .map_err(|_| build_address_error("it is not a URL"))
    }

    /// URL of the repository's mirror, when the operator has configured one.
    pub fn mirror_url(&self, outbound: &OutboundClient) -> Result<Option<String>> {
        let address = self.0.parse().map_err(Error::internal)?;
        Ok(outbound.resolve_mirror(&address).map(|mirror| mirror.to_string()))
    }
}

impl FromStr for RepositoryAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 2000 {
            return Err(build_address_error("it is empty, or longer than 2000 characters"));
        }
        if text.chars().any(|symbol| symbol.is_control() || symbol.is_whitespace() || !symbol.is_ascii()) {
            return Err(build_address_error(
                "it contains white space, control characters or non-ASCII characters",
            ));
        }
        let uri: Uri = text.parse().map_err(|_| build_address_error("it is not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            _ => return Err(build_address_error("its scheme is not http or https")),
        };
        let authority = uri.authority().ok_or_else(|| build_address_error("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(build_address_error("it contains a user name or password, which logs would show")
                .help("leave it out, and store it for the tool: hearth build credentials set ADDRESS"));
        }
        if authority.host().is_empty() || authority.host().starts_with('-') {
            return Err(build_address_error("it has no host"));
        }
        if text.contains(['?', '#', '\\']) {
            return Err(build_address_error("it has a query, a fragment or a backslash"));
        }
        // git accepts a scheme in lower case only.
        let rest = text.get(scheme.len()..).unwrap_or_default();
        Ok(Self(format!("{scheme}{rest}")))
    }
}

impl fmt::Display for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn build_address_error(why: &str) -> Error {
    Error::invalid("source-url", format!("source_url is invalid: {why}"))
        .help("give the address of a git repository, for example https://git.example/name/repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_of_an_address_is_in_lower_case() {
        for (text, address) in
            [("hTTps://git.example/A", "https://git.example/A"), ("HTTP://h/x", "http://h/x")]
        {
            assert_eq!(text.parse::<RepositoryAddress>().unwrap().to_string(), address);
        }
    }

    #[test]
    fn options_other_schemes_and_credentials_are_refused() {
        for text in [
            "",
            "-oProxyCommand=x",
            "--upload-pack=x",
            "git@host:path",
            "ssh://host/path",
            "file:///etc",
            "ext::sh -c x",
            "git://host/x",
            "https://user:secret@host/x",
            "https://token@host/x",
            "https://host/x\n--upload-pack=y",
            "https://host/a b",
            "https://host/x?y",
            "https://host/x#y",
            "https:///x",
            "https://",
            "/etc/passwd",
            "host/x",
            "https://-host/x",
        ] {
            assert!(text.parse::<RepositoryAddress>().is_err(), "{text:?}");
        }
        assert!("x".repeat(3000).parse::<RepositoryAddress>().is_err());
    }

    #[test]
    fn error_does_not_repeat_the_address() {
        let error = "https://user:secret@host/x".parse::<RepositoryAddress>().err().unwrap();
        assert!(error.public_messages().all(|sentence| !sentence.contains("secret")));
    }

    #[test]
    fn refs_url_is_below_the_repository() {
        let address: RepositoryAddress = "https://git.example:8443/a/b.git/".parse().unwrap();
        let refs = address.refs_url().unwrap();
        assert_eq!(refs.to_string(), "https://git.example:8443/a/b.git/info/refs?service=git-upload-pack");
    }
}
