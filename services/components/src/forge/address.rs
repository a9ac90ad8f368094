//! Addresses of repositories at forges.

use axum::http::Uri;
use hearth_base::{Error, Result, check_plain_text, to_single_line};

/// The maximum length of an address, in characters.
const MAX_ADDRESS_CHARACTERS: usize = 2000;

/// Host and path of a repository at a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPlace {
    /// Scheme and authority, as in `https://git.example.org`.
    pub origin: String,
    /// Path without slashes at its ends and without `.git`, as in `ada/dup-finder`.
    pub path: String,
}

/// Parses the address of a repository. Error `repository-address` (invalid).
pub fn parse_repository(address: &str) -> Result<RepositoryPlace> {
    let refuse = |reason: &str| {
        // A user name before @ may come with a password.
        let shown = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
        let what = format!("invalid repository address {:?}: {reason}", to_single_line(shown, 80));
        Error::invalid("repository-address", what).help("write it as https://git.example.org/ada/dup-finder")
    };
    check_plain_text("address of the repository", address, 1..=MAX_ADDRESS_CHARACTERS)?;
    let uri: Uri = address.parse().map_err(|_| refuse("it is not a URL"))?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
    let scheme = scheme.ok_or_else(|| refuse("expected http:// or https://"))?;
    let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(refuse("it has a user name; expected none"));
    }
    if uri.query().is_some() || address.contains('#') {
        return Err(refuse("it has a ? or #; expected none"));
    }
    let path = trim_path(uri.path());
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() < 2 || parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(refuse("expected the owner and the name of the repository in its path"));
    }
    Ok(RepositoryPlace { origin: format!("{scheme}://{authority}"), path: path.to_owned() })
}

/// True if two addresses name one repository. The scheme, `.git`, letter case and the usual port make no difference:
/// forges write their own addresses in several ways.
pub fn is_same_repository(one: &str, other: &str) -> bool {
    let key = |address: &str| {
        let place = parse_repository(address).ok()?;
        let (scheme, authority) = place.origin.split_once("://")?;
        let usual_port = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual_port).unwrap_or(authority);
        Some((authority.to_ascii_lowercase(), place.path.to_ascii_lowercase()))
    };
    key(one).is_some_and(|one| key(other) == Some(one))
}

fn trim_path(path: &str) -> &str {
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_an_origin_and_the_path_of_the_repository() -> Result<()> {
        let place = parse_repository("https://git.example.org:8443/group/sub/name.git/")?;
        assert_eq!((&*place.origin, &*place.path), ("https://git.example.org:8443", "group/sub/name"));
        let place = parse_repository("https://git.example.org/ada/name.git")?;
        assert_eq!(place.path, "ada/name");
        for wrong in [
            "",
            "git@git.example.org:ada/name.git",
            "ssh://git.example.org/ada/name",
            "https://user:s3cret@git.example.org/ada/name",
            "https://git.example.org",
            "https://git.example.org/ada",
            "https://git.example.org/ada/../name",
            "https://git.example.org/ada/name?x=1",
            "https://git.example.org/ada/name#x",
            "file:///etc/passwd",
            "https://git.example.org/ada/na\u{7}me",
        ] {
            assert!(parse_repository(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }

    #[test]
    fn one_repository_may_be_written_in_several_ways() {
        let address = "https://git.example.org/Ada/dup-finder";
        for same in [
            "https://git.example.org/ada/dup-finder.git",
            "http://git.example.org/ada/dup-finder",
            "https://GIT.example.org:443/ada/dup-finder/",
        ] {
            assert!(is_same_repository(address, same), "{same}");
        }
        for other in [
            "https://git.example.org/ada/dup-finder2",
            "https://git.example.org:8443/ada/dup-finder",
            "https://git.example.com/ada/dup-finder",
            "https://git.example.org/eve/dup-finder",
            "",
        ] {
            assert!(!is_same_repository(address, other), "{other}");
        }
        assert!(!is_same_repository("", ""), "no address is no repository");
    }
}
