//! Classification of requests by host name: the API, a tool, or unknown.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::config::DoorSettings;

/// Host name by which containers reach the door.
pub const INTERNAL_HOST: &str = "hearth.internal";

/// Owner of a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostOwner {
    /// The API and its web pages.
    Api,
    /// A tool: the subdomain of the domain of tools, not validated as a tool name.
    Tool(String),
    /// Unknown: for example a foreign domain whose DNS record points to this address.
    Unknown,
}

/// Error: the host of a request is invalid or ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidHost;

/// Reads the host of a request, in lower case and without the port; `None` when the request names no host.
pub fn read_host(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, InvalidHost> {
    let mut values = headers.get_all(header::HOST).into_iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(InvalidHost);
    }
    let header = first.map(|value| value.to_str().map_err(|_| InvalidHost)).transpose()?;
    let absolute = uri.authority().map(|authority| authority.as_str());
    match (absolute, header) {
        (Some(absolute), Some(header)) if !absolute.eq_ignore_ascii_case(header) => Err(InvalidHost),
        (Some(host), _) | (None, Some(host)) => strip_port(host).map(Some),
        (None, None) => Ok(None),
    }
}

/// Validates a host, and removes the port and a final dot.
fn strip_port(host: &str) -> Result<String, InvalidHost> {
    let end = if host.starts_with('[') { host.find(']').ok_or(InvalidHost)? + 1 } else { 0 };
    let (name, port) = match host[end..].split_once(':') {
        Some((name, port)) => (&host[..end + name.len()], port),
        None => (host, ""),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_host_byte) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidHost);
    }
    Ok(name.to_ascii_lowercase())
}

impl DoorSettings {
    /// Finds the owner of `host`. A bare IP address belongs to the API: DNS rebinding needs a host name.
    pub fn find_host_owner(&self, host: &str) -> HostOwner {
        let domain = self.domain.to_ascii_lowercase();
        if let Some(tool) = host.strip_suffix(&domain).and_then(|rest| rest.strip_suffix('.')) {
            return HostOwner::Tool(tool.to_owned());
        }
        let public = self.public_url.as_deref().and_then(|url| url.split_once("://"));
        let public = public.and_then(|(_, rest)| strip_port(rest.split('/').next().unwrap_or(rest)).ok());
        let is_address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let is_own_name = [domain.as_str(), "localhost", INTERNAL_HOST].contains(&host)
            || public.as_deref() == Some(host)
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        if is_own_name || is_address { HostOwner::Api } else { HostOwner::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read_test_host(uri: &str, hosts: &[&'static str]) -> Result<Option<String>, InvalidHost> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        read_host(&uri.parse().map_err(|_| InvalidHost)?, &headers)
    }

    #[test]
    fn host_is_read_without_its_port_and_ambiguous_hosts_are_refused() {
        assert_eq!(read_test_host("/", &["Hello.localhost.:8080"]), Ok(Some("hello.localhost".to_owned())));
        assert_eq!(read_test_host("/", &["[::1]:80"]), Ok(Some("[::1]".to_owned())));
        assert_eq!(read_test_host("/", &[]), Ok(None));
        assert_eq!(
            read_test_host("http://a.localhost/x", &["a.localhost"]),
            Ok(Some("a.localhost".to_owned()))
        );
        assert_eq!(read_test_host("http://a.localhost/x", &["b.localhost"]), Err(InvalidHost));
        assert_eq!(read_test_host("/", &["a.localhost", "a.localhost"]), Err(InvalidHost));
        for odd in ["", "a b", "a:80:90", "a/b", "[::1", "a:x", "a\\b"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, odd.parse().unwrap_or(HeaderValue::from_static("?")));
            assert_eq!(read_host(&Uri::from_static("/"), &headers), Err(InvalidHost), "{odd}");
        }
    }

    #[test]
    fn host_belongs_to_the_api_or_a_tool_or_is_unknown() {
        let door = DoorSettings {
            domain: "Tools.example".to_owned(),
            public_url: Some("https://hearth.example:8443/x".to_owned()),
            hosts: vec!["door.example".to_owned()],
            ..DoorSettings::default()
        };
        for api in [
            "tools.example",
            "localhost",
            "127.0.0.1",
            "[::1]",
            INTERNAL_HOST,
            "hearth.example",
            "door.example",
        ] {
            assert_eq!(door.find_host_owner(api), HostOwner::Api, "{api}");
        }
        assert_eq!(door.find_host_owner("hello.tools.example"), HostOwner::Tool("hello".to_owned()));
        assert_eq!(door.find_host_owner("a.b.tools.example"), HostOwner::Tool("a.b".to_owned()));
        for unknown in ["evil.example", "eviltools.example", "127.0.0.1.evil.example", "hello.localhost"] {
            assert_eq!(door.find_host_owner(unknown), HostOwner::Unknown, "{unknown}");
        }
    }
}
