//! Places that an operator allows although they are private.

use std::{fmt, net::IpAddr, str::FromStr};

use hearth_base::{Error, Result, as_text};

/// A private place that may be reached all the same: a host's name or address, with a port or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    host: String,
    port: Option<u16>,
}

impl Exception {
    /// Whether it allows this port of this host, by whichever name was asked for or the address that it has.
    pub fn allows(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let named = match self.host.parse::<IpAddr>() {
            Ok(allowed) => allowed.to_canonical() == address.to_canonical(),
            Err(_) => self.host.eq_ignore_ascii_case(host.trim_end_matches('.')),
        };
        named && self.port.is_none_or(|allowed| allowed == port)
    }
}

impl FromStr for Exception {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid("outbound-exception", format!("{text:?} is not a place that can be allowed"))
                .help("write HOST, HOST:PORT, ADDRESS, or ADDRESS:PORT ([ADDRESS]:PORT for IPv6)")
        };
        if text.parse::<IpAddr>().is_ok() {
            return Ok(Self { host: text.to_owned(), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| refused())?)),
            None => (text, None),
        };
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        if host.is_empty() || !(name || host.parse::<IpAddr>().is_ok()) {
            return Err(refused());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (_, None) => f.write_str(&self.host),
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
        }
    }
}

as_text!(Exception);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_as_wide_as_it_says() {
        let allows = |text: &str, host: &str, address: &str, port| {
            text.parse::<Exception>().unwrap().allows(host, address.parse().unwrap(), port)
        };
        assert!(allows("127.0.0.1:3000", "localhost", "127.0.0.1", 3000));
        assert!(allows("127.0.0.1:3000", "x", "::ffff:127.0.0.1", 3000));
        assert!(!allows("127.0.0.1:3000", "127.0.0.1", "127.0.0.1", 3001));
        assert!(allows("git.example", "GIT.example.", "10.0.0.7", 443));
        assert!(!allows("git.example", "other.example", "10.0.0.7", 443));
        assert!(allows("[::1]:8080", "localhost", "::1", 8080));
        assert!(allows("fd00::7", "x", "fd00::7", 1));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", ":80", "a b", "host:port", "http://x", "host:99999", "[::1]:x"] {
            assert!(text.parse::<Exception>().is_err(), "{text:?}");
        }
    }
}
