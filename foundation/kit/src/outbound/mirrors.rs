//! Places where an operator has what people name by its public address.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};
use http::Uri;
use serde::{Deserialize, Serialize, Serializer};

/// Addresses that stand for others: what is below the first of a pair is fetched from below the second, and shown
/// as before. Of several that fit the longest holds, as in git's `url.<base>.insteadOf`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Mirrors(Vec<Mirror>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirror {
    from: Place,
    /// Ends with a slash.
    to: String,
}

/// A folder of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    scheme: String,
    host: String,
    port: u16,
    /// Without a slash at either end.
    path: String,
}

impl Serialize for Mirrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from = |Place { scheme, host, port, path }: &Place| format!("{scheme}://{host}:{port}/{path}");
        serializer.collect_map(self.0.iter().map(|mirror| (from(&mirror.from), &mirror.to)))
    }
}

impl Mirrors {
    /// Where that is which is fetched when `address` is meant; none when it is fetched from `address` itself.
    pub fn of(&self, address: &Uri) -> Option<Uri> {
        let meant = Place::of(address)?;
        let (mirror, rest) = self.0.iter().find_map(|mirror| Some((mirror, meant.below(&mirror.from)?)))?;
        // A path that climbs would leave what was mirrored.
        if rest.split('/').any(climbs) {
            return None;
        }
        let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{rest}{query}", mirror.to).parse().ok()
    }
}

impl Place {
    fn of(address: &Uri) -> Option<Self> {
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

    /// What follows `above` in this place's path, when it is below it.
    fn below(&self, above: &Self) -> Option<&str> {
        let same = (&self.scheme, &self.host, self.port) == (&above.scheme, &above.host, above.port);
        let rest = self.path.strip_prefix(&above.path).filter(|_| same)?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(rest),
            None => (rest.is_empty() || above.path.is_empty()).then_some(rest),
        }
    }
}

/// Whether a segment leads elsewhere, also for a server that decodes it before it looks.
fn climbs(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".." || plain.contains("%2f") || plain.contains("%5c")
}

impl TryFrom<BTreeMap<String, String>> for Mirrors {
    type Error = Error;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self> {
        let mirrors = pairs.into_iter().map(|(from, to)| {
            Ok(Mirror { from: place(&from)?.1, to: format!("{}/", place(&to)?.0.trim_end_matches('/')) })
        });
        let mut mirrors = mirrors.collect::<Result<Vec<_>>>()?;
        mirrors.sort_by_key(|mirror| std::cmp::Reverse(mirror.from.path.len()));
        Ok(Self(mirrors))
    }
}

/// An address as an operator writes it, and what it means.
fn place(text: &str) -> Result<(&str, Place)> {
    let read = text.parse::<Uri>().ok().filter(|uri| uri.query().is_none() && !text.contains('#'));
    read.as_ref().and_then(Place::of).map(|place| (text, place)).ok_or_else(|| {
        Error::invalid("outbound-mirror", format!("{text:?} is not an address that can be mirrored"))
            .help("write http:// or https://, a host and a path, without user, query and fragment")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)], address: &str) -> Option<String> {
        let pairs: BTreeMap<String, String> =
            pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        let mirrors = Mirrors::try_from(pairs).unwrap();
        mirrors.of(&address.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn what_is_below_one_address_is_below_the_other() {
        let pairs = [("https://code.example/", "http://10.0.0.7:3000/code")];
        let of = |address| of(&pairs, address);
        let there = Some("http://10.0.0.7:3000/code/a/b.git/info/refs?service=x".to_owned());
        assert_eq!(of("https://code.example/a/b.git/info/refs?service=x"), there);
        assert_eq!(of("https://CODE.example.:443/a"), Some("http://10.0.0.7:3000/code/a".to_owned()));
        for other in ["http://code.example/a", "https://code.example:444/a", "https://code.example.org/a"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_holds_and_ends_with_a_segment() {
        let pairs = [
            ("https://code.example", "https://all.example"),
            ("https://code.example/team", "https://t.example/x/"),
        ];
        let of = |address| of(&pairs, address).unwrap();
        assert_eq!(of("https://code.example/team/a"), "https://t.example/x/a");
        assert_eq!(of("https://code.example/teams/a"), "https://all.example/teams/a");
        assert_eq!(of("https://code.example/team"), "https://t.example/x/");
    }

    #[test]
    fn a_path_that_climbs_is_not_mirrored() {
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
            assert_eq!(of(&pairs, &format!("https://code.example/{path}")), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
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
