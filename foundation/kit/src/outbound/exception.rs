//! Private hosts that an operator allows.

use std::{fmt, net::IpAddr, str::FromStr};

use hearth_base::{Error, Result, as_text};

/// A private host that an operator allows: host name or address, with an optional port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundException {
    host: String,
    port: Option<u16>,
}

impl OutboundException {
    /// True when it allows this port of this host. `host` is the requested name, `address` the resolved address.
    pub fn allows_address(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let named = match self.host.parse::<IpAddr>() {
            Ok(allowed) => allowed.to_canonical() == address.to_canonical(),
            Err(_) => self.host.eq_ignore_ascii_case(host.trim_end_matches('.')),
        };
        named && self.port.is_none_or(|allowed| allowed == port)
    }
}

impl OutboundException {
    /// True when it names this host, by name or by address, and allows this port.
    pub fn names_host(&self, host: &str, port: u16) -> bool {
        let named = match (self.host.parse::<IpAddr>(), host.parse::<IpAddr>()) {
            (Ok(allowed), Ok(address)) => allowed.to_canonical() == address.to_canonical(),
            _ => self.host.eq_ignore_ascii_case(host.trim_end_matches('.')),
        };
        named && self.port.is_none_or(|allowed| allowed == port)
    }
}

impl FromStr for OutboundException {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::invalid("outbound-exception", format!("invalid entry in [outbound] allow: {text:?}"))
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

impl fmt::Display for OutboundException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (_, None) => f.write_str(&self.host),
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
        }
    }
}

as_text!(OutboundException);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exception_allows_only_its_host_and_port() {
        let allows = |text: &str, host: &str, address: &str, port| {
            text.parse::<OutboundException>().unwrap().allows_address(host, address.parse().unwrap(), port)
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
    fn exception_names_its_host_and_port_only() {
        let names =
            |text: &str, host: &str, port| text.parse::<OutboundException>().unwrap().names_host(host, port);
        assert!(names("git.example:80", "GIT.example.", 80));
        assert!(names("[::ffff:10.0.0.7]:80", "10.0.0.7", 80));
        assert!(!names("git.example:80", "git.example", 8080));
        assert!(!names("git.example", "sub.git.example", 80));
        assert!(!names("10.0.0.7", "git.example", 80));
    }

    #[test]
    fn invalid_exception_is_refused() {
        for text in ["", ":80", "a b", "host:port", "http://x", "host:99999", "[::1]:x"] {
            assert!(text.parse::<OutboundException>().is_err(), "{text:?}");
        }
    }
}
