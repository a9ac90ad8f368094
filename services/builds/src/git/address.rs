//! Addresses of repositories.

use std::{fmt, str::FromStr};

use hearth_base::{Error, Result};
use hearth_kit::outbound::Outbound;
use http::Uri;

/// The address of a repository, checked: it is no option, names no user and can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Where the list of refs is (`gitprotocol-http`, "Discovering References").
    pub fn refs(&self) -> Result<Uri> {
        format!("{}/info/refs?service=git-upload-pack", self.0.trim_end_matches('/'))
            .parse()
            .map_err(|_| refused("it is not the address of a repository"))
    }

    /// Where it is fetched from instead, when an operator has a mirror of it.
    pub fn mirror(&self, outbound: &Outbound) -> Result<Option<String>> {
        let address = self.0.parse().map_err(Error::internal)?;
        Ok(outbound.mirror_of(&address).map(|mirror| mirror.to_string()))
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 2000 {
            return Err(refused("it is empty, or longer than 2000 characters"));
        }
        if text.chars().any(|symbol| symbol.is_control() || symbol.is_whitespace() || !symbol.is_ascii()) {
            return Err(refused("it holds blanks, control characters or letters beyond ASCII"));
        }
        let uri: Uri = text.parse().map_err(|_| refused("it is not the address of a repository"))?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            _ => return Err(refused("only http:// and https:// repositories are built")),
        };
        let authority = uri.authority().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("it holds a user name or a password, which would be seen in logs")
                .help("build from a public repository, or upload the folder: hearth deploy"));
        }
        if authority.host().is_empty() || authority.host().starts_with('-') {
            return Err(refused("it names no host"));
        }
        if text.contains(['?', '#', '\\']) {
            return Err(refused("it has a query, a fragment or a backslash"));
        }
        // In whatever letters it was written, git knows a scheme in lower case only.
        let rest = text.get(scheme.len()..).unwrap_or_default();
        Ok(Self(format!("{scheme}{rest}")))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn refused(why: &str) -> Error {
    Error::invalid("source-url", format!("this source_url cannot be built: {why}"))
        .help("give the address of a public git repository, as in https://git.example/name/repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_of_an_address_is_in_lower_case() {
        for (text, address) in
            [("hTTps://git.example/A", "https://git.example/A"), ("HTTP://h/x", "http://h/x")]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), address);
        }
    }

    #[test]
    fn what_could_be_more_than_an_address_is_refused() {
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
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
        assert!("x".repeat(3000).parse::<Address>().is_err());
    }

    #[test]
    fn a_refused_address_is_not_repeated() {
        let error = "https://user:secret@host/x".parse::<Address>().err().unwrap();
        assert!(error.sentences().all(|sentence| !sentence.contains("secret")));
    }

    #[test]
    fn the_list_of_refs_is_below_the_repository() {
        let address: Address = "https://git.example:8443/a/b.git/".parse().unwrap();
        let refs = address.refs().unwrap();
        assert_eq!(refs.to_string(), "https://git.example:8443/a/b.git/info/refs?service=git-upload-pack");
    }
}
