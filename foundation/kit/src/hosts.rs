//! Whose a request is by the host that it names: the API's, a tool's, or nobody's.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::config::Door;

/// By which name containers reach the door.
pub const INSIDE: &str = "hearth.internal";

/// Whose a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The API's, and its pages'.
    Api,
    /// What stands before the domain: a tool's name, or what could be none.
    Tool(String),
    /// Nobody's here: a name that somebody else made point to this address, perhaps.
    Nobody,
}

/// A request names no host that can be read, or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// The host that a request names, in lower case and without its port; `None` when it names none.
pub fn named(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, Unreadable> {
    let mut given = headers.get_all(header::HOST).into_iter();
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(Unreadable);
    }
    let header = first.map(|value| value.to_str().map_err(|_| Unreadable)).transpose()?;
    let absolute = uri.authority().map(|authority| authority.as_str());
    match (absolute, header) {
        (Some(absolute), Some(header)) if !absolute.eq_ignore_ascii_case(header) => Err(Unreadable),
        (Some(host), _) | (None, Some(host)) => without_port(host).map(Some),
        (None, None) => Ok(None),
    }
}

fn without_port(host: &str) -> Result<String, Unreadable> {
    let end = if host.starts_with('[') { host.find(']').ok_or(Unreadable)? + 1 } else { 0 };
    let (name, port) = match host[end..].split_once(':') {
        Some((name, port)) => (&host[..end + name.len()], port),
        None => (host, ""),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    if name.is_empty() || !name.bytes().all(fits) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unreadable);
    }
    Ok(name.to_ascii_lowercase())
}

impl Door {
    /// Whose `host` is. An address is the API's: nobody else can make a name point to it unseen.
    pub fn place(&self, host: &str) -> Place {
        let domain = self.domain.to_ascii_lowercase();
        if let Some(tool) = host.strip_suffix(&domain).and_then(|rest| rest.strip_suffix('.')) {
            return Place::Tool(tool.to_owned());
        }
        let public = self.public_url.as_deref().and_then(|url| url.split_once("://"));
        let public = public.and_then(|(_, rest)| without_port(rest.split('/').next().unwrap_or(rest)).ok());
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let named = [domain.as_str(), "localhost", INSIDE].contains(&host)
            || public.as_deref() == Some(host)
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        if named || address { Place::Api } else { Place::Nobody }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn host(uri: &str, hosts: &[&'static str]) -> Result<Option<String>, Unreadable> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        named(&uri.parse().map_err(|_| Unreadable)?, &headers)
    }

    #[test]
    fn a_host_is_read_once_and_without_its_port() {
        assert_eq!(host("/", &["Hello.localhost.:8080"]), Ok(Some("hello.localhost".to_owned())));
        assert_eq!(host("/", &["[::1]:80"]), Ok(Some("[::1]".to_owned())));
        assert_eq!(host("/", &[]), Ok(None));
        assert_eq!(host("http://a.localhost/x", &["a.localhost"]), Ok(Some("a.localhost".to_owned())));
        assert_eq!(host("http://a.localhost/x", &["b.localhost"]), Err(Unreadable));
        assert_eq!(host("/", &["a.localhost", "a.localhost"]), Err(Unreadable));
        for odd in ["", "a b", "a:80:90", "a/b", "[::1", "a:x", "a\\b"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, odd.parse().unwrap_or(HeaderValue::from_static("?")));
            assert_eq!(named(&Uri::from_static("/"), &headers), Err(Unreadable), "{odd}");
        }
    }

    #[test]
    fn a_host_is_the_apis_a_tools_or_nobodys() {
        let door = Door {
            domain: "Tools.example".to_owned(),
            public_url: Some("https://hearth.example:8443/x".to_owned()),
            hosts: vec!["door.example".to_owned()],
            ..Door::default()
        };
        for api in
            ["tools.example", "localhost", "127.0.0.1", "[::1]", INSIDE, "hearth.example", "door.example"]
        {
            assert_eq!(door.place(api), Place::Api, "{api}");
        }
        assert_eq!(door.place("hello.tools.example"), Place::Tool("hello".to_owned()));
        assert_eq!(door.place("a.b.tools.example"), Place::Tool("a.b".to_owned()));
        for nobody in ["evil.example", "eviltools.example", "127.0.0.1.evil.example", "hello.localhost"] {
            assert_eq!(door.place(nobody), Place::Nobody, "{nobody}");
        }
    }
}
