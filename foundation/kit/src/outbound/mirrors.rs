//! Mirrors: URL prefixes that an operator replaces by others.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use http::Uri;
use serde::{Deserialize, Serialize, Serializer};

/// Pairs of URL prefixes: a URL below the first is fetched from below the second and still shown unchanged. The
/// longest matching prefix applies, as in git's `url.<base>.insteadOf`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Mirrors(Vec<Mirror>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirror {
    from: UrlPrefix,
    /// URL of the mirror, with a trailing slash.
    to: String,
}

/// A URL prefix, normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UrlPrefix {
    scheme: String,
    host: String,
    port: u16,
    /// Path without leading and trailing slashes.
    path: String,
}

impl Serialize for Mirrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from =
            |UrlPrefix { scheme, host, port, path }: &UrlPrefix| format!("{scheme}://{host}:{port}/{path}");
        serializer.collect_map(self.0.iter().map(|mirror| (from(&mirror.from), &mirror.to)))
    }
}

impl Mirrors {
    /// Finds the mirror's URL for `address`; `None` without a mirror.
    pub fn find_mirror_address(&self, address: &Uri) -> Option<Uri> {
        let requested = UrlPrefix::from_uri(address)?;
        let (mirror, rest) =
            self.0.iter().find_map(|mirror| Some((mirror, requested.strip_base(&mirror.from)?)))?;
        // A path traversal could leave the mirrored prefix.
        if rest.split('/').any(is_traversal) {
            return None;
        }
        let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{rest}{query}", mirror.to).parse().ok()
    }
}

impl UrlPrefix {
    fn from_uri(address: &Uri) -> Option<Self> {
        let scheme = address.scheme_str()?;
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = address.authority().filter(|authority| !authority.as_str().contains('@'))?;
        Some(Self {
            scheme: scheme.to_owned(),
            host: authority.host().trim_end_matches('.').to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default),
            path: address.path().trim_matches('/').to_owned(),
        })
    }

    /// The path relative to `above`; `None` when this URL is not below it.
    fn strip_base(&self, above: &Self) -> Option<&str> {
        let same = (&self.scheme, &self.host, self.port) == (&above.scheme, &above.host, above.port);
        let rest = self.path.strip_prefix(&above.path).filter(|_| same)?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(rest),
            None => (rest.is_empty() || above.path.is_empty()).then_some(rest),
        }
    }
}

/// True for a segment that traverses the path, also after percent-decoding by the server.
fn is_traversal(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".." || plain.contains("%2f") || plain.contains("%5c")
}

impl TryFrom<BTreeMap<String, String>> for Mirrors {
    type Error = Error;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self> {
        let mirrors = pairs.into_iter().map(|(from, to)| {
            Ok(Mirror {
                from: parse_prefix(&from)?.1,
                to: format!("{}/", parse_prefix(&to)?.0.trim_end_matches('/')),
            })
        });
        let mut mirrors = mirrors.collect::<Result<Vec<_>>>()?;
        mirrors.sort_by_key(|mirror| std::cmp::Reverse(mirror.from.path.len()));
        Ok(Self(mirrors))
    }
}

/// Parses a URL prefix as an operator writes it. Returns the text with the parsed prefix.
fn parse_prefix(text: &str) -> Result<(&str, UrlPrefix)> {
    let read = text.parse::<Uri>().ok().filter(|uri| uri.query().is_none() && !text.contains('#'));
    read.as_ref().and_then(UrlPrefix::from_uri).map(|place| (text, place)).ok_or_else(|| {
        Error::invalid("outbound-mirror", format!("invalid address in [outbound.mirrors]: {text:?}"))
            .help("write http:// or https://, a host and a path, without user, query and fragment")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve_mirror(pairs: &[(&str, &str)], address: &str) -> Option<String> {
        let pairs: BTreeMap<String, String> =
            pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        let mirrors = Mirrors::try_from(pairs).unwrap();
        mirrors.find_mirror_address(&address.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn path_below_an_address_is_mirrored() {
        let pairs = [("https://code.example/", "http://10.0.0.7:3000/code")];
        let of = |address| resolve_mirror(&pairs, address);
        let there = Some("http://10.0.0.7:3000/code/a/b.git/info/refs?service=x".to_owned());
        assert_eq!(of("https://code.example/a/b.git/info/refs?service=x"), there);
        assert_eq!(of("https://CODE.example.:443/a"), Some("http://10.0.0.7:3000/code/a".to_owned()));
        for other in ["http://code.example/a", "https://code.example:444/a", "https://code.example.org/a"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn longest_prefix_wins_and_ends_with_a_segment() {
        let pairs = [
            ("https://code.example", "https://all.example"),
            ("https://code.example/team", "https://t.example/x/"),
        ];
        let of = |address| resolve_mirror(&pairs, address).unwrap();
        assert_eq!(of("https://code.example/team/a"), "https://t.example/x/a");
        assert_eq!(of("https://code.example/teams/a"), "https://all.example/teams/a");
        assert_eq!(of("https://code.example/team"), "https://t.example/x/");
    }

    #[test]
    fn path_traversal_is_not_mirrored() {
        let pairs = [("https://code.example/", "https://inner.example/public")];
        for path in [
            "../secret",
            "a/../../secret",
            "%2e%2E/secret",
            "a/./b",
            ".%2e/secret",
            "a%2f..%2F..%2fx",
            "..%5Cx",
        ] {
            assert_eq!(resolve_mirror(&pairs, &format!("https://code.example/{path}")), None, "{path}");
        }
    }

    #[test]
    fn invalid_address_is_refused() {
        for text in [
            "",
            "code.example",
            "ftp://x/",
            "https://user:secret@x/",
            "https://x/?y",
            "/path",
            "https://x/#y",
        ] {
            let pairs = BTreeMap::from([(text.to_owned(), "https://y.example/".to_owned())]);
            assert!(Mirrors::try_from(pairs).is_err(), "{text:?}");
            let pairs = BTreeMap::from([("https://y.example/".to_owned(), text.to_owned())]);
            assert!(Mirrors::try_from(pairs).is_err(), "{text:?}");
        }
    }
}
