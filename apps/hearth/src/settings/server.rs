//! The address of a server in its canonical spelling, which is the key of saved tokens.

use std::{fmt, str::FromStr};

use hearth_base::{Error, Result};
use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A server address: `http://` or `https://`, a host in lower case, and a port unless it is the default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerAddress(String);

impl ServerAddress {
    /// The default address of `hearthd up` on this machine.
    pub fn local_default() -> Self {
        Self("http://localhost:8080".to_owned())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true when the server is this machine.
    pub fn is_local(&self) -> bool {
        self.0.split_once("://").is_some_and(|(_, rest)| is_local_authority(rest))
    }

    /// Returns the command that starts Hearth on this machine at this address.
    pub fn start_command(&self) -> String {
        let host_and_port = self.0.strip_prefix("http://").and_then(|authority| authority.rsplit_once(':'));
        match host_and_port.filter(|(_, port)| port.parse::<u16>().is_ok()) {
            Some((_, "8080")) | None => "hearth up".to_owned(),
            // A name such as localhost also stands for an IPv6 address; Hearth listens on one address.
            Some((host, port)) if host.ends_with("localhost") => {
                format!("hearth up --listen 127.0.0.1:{port}")
            }
            Some((host, port)) => format!("hearth up --listen {host}:{port}"),
        }
    }

    /// Returns true when requests to the server travel unencrypted over a network.
    pub fn is_unencrypted(&self) -> bool {
        self.0.starts_with("http://") && !self.is_local()
    }
}

impl FromStr for ServerAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid("server-address", format!("{:.80?} is not the address of a server", text))
                .help("write it as in http://localhost:8080 or https://hearth.example.org")
        };
        let text = text.trim();
        if text.contains('@') {
            let sentence = "a server address must not contain a name or a password";
            return Err(Error::invalid("server-address", sentence).help("hearth login asks for both"));
        }
        let full = match text.contains("://") {
            true => text.to_owned(),
            false if is_local_authority(text) => format!("http://{text}"),
            false => format!("https://{text}"),
        };
        let uri: Uri = full.parse().map_err(|_| refused())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused());
        };
        if !matches!(scheme, "http" | "https") {
            return Err(refused());
        }
        if authority.port_u16().is_none() && authority.as_str() != authority.host() {
            return Err(refused());
        }
        let host = authority.host().to_ascii_lowercase();
        let usual = if scheme == "http" { 80 } else { 443 };
        let server = match authority.port_u16().filter(|port| *port != usual) {
            Some(port) => Self(format!("{scheme}://{host}:{port}")),
            None => Self(format!("{scheme}://{host}")),
        };
        if uri.path().trim_end_matches('/').is_empty() && uri.query().is_none() {
            return Ok(server);
        }
        let longer = format!("{text:.80?} is more than the address of a server");
        let error = Error::invalid("server-address", longer).help(format!("write {server}"));
        Err(error.with_suggestion(server.to_string()))
    }
}

fn is_local_authority(rest: &str) -> bool {
    let host = match rest.strip_prefix('[') {
        Some(inner) => inner.split(']').next(),
        None => rest.split([':', '/']).next(),
    };
    host.is_some_and(|host| {
        let host = host.to_ascii_lowercase();
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ServerAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ServerAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_address_has_one_spelling() {
        for (typed, meant) in [
            ("localhost:8080", "http://localhost:8080"),
            ("http://LOCALHOST:8080/", "http://localhost:8080"),
            ("Hearth.Example.org", "https://hearth.example.org"),
            ("https://hearth.example.org:443", "https://hearth.example.org"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("127.0.0.1", "http://127.0.0.1"),
        ] {
            assert_eq!(
                typed.parse::<ServerAddress>().map(|server| server.to_string()).ok().as_deref(),
                Some(meant)
            );
        }
    }

    #[test]
    fn invalid_addresses_are_refused_and_longer_ones_are_shortened() {
        for text in ["", "ftp://x", "http://", "http://me:pw@x", "a b", "http://x:99999"] {
            assert!(text.parse::<ServerAddress>().is_err(), "{text}");
        }
        let error = "https://hearth.example.org/my/dup".parse::<ServerAddress>().err();
        let next = error.as_ref().and_then(|error| error.help_text());
        assert_eq!(next, Some("write https://hearth.example.org"));
    }

    #[test]
    fn unencrypted_addresses_are_recognised_except_local_ones() {
        let open = |text: &str| text.parse::<ServerAddress>().is_ok_and(|server| server.is_unencrypted());
        assert!(open("http://hearth.example.org") && open("http://127.example.org"));
        assert!(!open("http://a.localhost:80") && !open("https://hearth.example.org") && !open("[::1]:1"));
    }
}
