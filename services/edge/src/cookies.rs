//! Cookies between visitors and tools. All tools' pages are subdomains of one domain, so a browser would send one
//! tool's cookie to another tool, or to Hearth itself, if the cookie's `Domain` were the shared one.

use axum::http::{HeaderMap, HeaderValue, header};
use hearth_wire::accounts::SESSION_COOKIE;

/// Prefixes of names with which browsers restrict a cookie (RFC 6265bis, section 4.1.3).
const NAME_PREFIXES: [&str; 4] = ["__Host-", "__Secure-", "__Http-", "__Host-Http-"];

/// Removes Hearth's session from the cookies of a request and leaves the other cookies unchanged.
pub fn remove_session_cookie(headers: &mut HeaderMap) {
    let kept: Vec<HeaderValue> = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| {
            let pairs: Vec<&[u8]> =
                value.as_bytes().split(|byte| *byte == b';').filter(|pair| !is_session(pair)).collect();
            HeaderValue::from_bytes(pairs.join(&b';').trim_ascii()).ok()
        })
        .filter(|value| !value.is_empty())
        .collect();
    replace_values(headers, &header::COOKIE, kept);
}

/// Filters the cookies that the tool at `host` sets: Hearth's session is dropped, and every other cookie belongs to
/// this host alone.
pub fn filter_set_cookies(headers: &mut HeaderMap, host: &str) {
    let kept: Vec<HeaderValue> = headers
        .get_all(header::SET_COOKIE)
        .into_iter()
        .filter(|value| !is_session(value.as_bytes()))
        .filter_map(|value| restrict_to_host(value, host))
        .collect();
    replace_values(headers, &header::SET_COOKIE, kept);
}

fn replace_values(headers: &mut HeaderMap, name: &header::HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}

/// Removes the attributes `Domain` of a cookie, unless they name `host` itself.
fn restrict_to_host(value: &HeaderValue, host: &str) -> Option<HeaderValue> {
    let names_other_host = |part: &&[u8]| {
        let (name, domain) = split_pair(part);
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        name.eq_ignore_ascii_case(b"domain") && !domain.eq_ignore_ascii_case(host.as_bytes())
    };
    let mut parts = value.as_bytes().split(|byte| *byte == b';');
    let pair = parts.next().unwrap_or_default();
    let attributes: Vec<&[u8]> = parts.collect();
    if !attributes.iter().any(names_other_host) {
        return Some(value.clone());
    }
    let kept = attributes.into_iter().filter(|part| !names_other_host(part));
    let text = std::iter::once(pair).chain(kept).collect::<Vec<_>>().join(&b';');
    HeaderValue::from_bytes(&text).ok()
}

/// True when a pair of a cookie header is Hearth's session, under any of its names.
///
/// A browser sends a cookie without a name as its value alone, so `=hearth_session=x` would be sent as a session.
fn is_session(pair: &[u8]) -> bool {
    let pair = pair.split(|byte| *byte == b';').next().unwrap_or_default();
    let nameless = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
    let start = pair.iter().position(|byte| !nameless(byte)).unwrap_or(pair.len());
    let (mut name, _) = split_pair(&pair[start..]);
    while let Some(rest) = NAME_PREFIXES.iter().find_map(|prefix| strip_prefix_ignoring_case(name, prefix)) {
        name = rest;
    }
    name.eq_ignore_ascii_case(SESSION_COOKIE.as_bytes())
}

/// Splits a pair into name and value, without the whitespace around them.
fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    let value = pair.get(end + 1..).unwrap_or_default();
    (pair[..end].trim_ascii(), value.trim_ascii())
}

fn strip_prefix_ignoring_case<'a>(name: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter_cookies(name: &header::HeaderName, values: &[&'static str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        if *name == header::COOKIE {
            remove_session_cookie(&mut headers);
        } else {
            filter_set_cookies(&mut headers, "hello.tools.example");
        }
        headers.get_all(name).into_iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn session_cookie_never_reaches_a_tool() {
        let sent = [
            "a=1; hearth_session=s3cret; b=2",
            "__Host-hearth_session=s3cret",
            "__host-HEARTH_session=s3cret",
            " hearth_session =s3cret;c=3",
            "=hearth_session=s3cret",
        ];
        assert_eq!(filter_cookies(&header::COOKIE, &sent), ["a=1; b=2", "c=3"]);
        assert_eq!(
            filter_cookies(&header::COOKIE, &["sid=1; hearth_sessions=2"]),
            ["sid=1; hearth_sessions=2"]
        );
    }

    #[test]
    fn session_cookie_cannot_be_set_by_a_tool_even_without_a_name() {
        let set = [
            "hearth_session=evil; Domain=tools.example",
            "__Host-hearth_session=evil",
            "__Secure-__Host-hearth_session=evil",
            "=hearth_session=evil",
            "= =\t__Host-hearth_session=evil; Path=/",
            "hearth_session",
            "sid=1; HttpOnly",
            "note=hearth_session=x",
        ];
        assert_eq!(filter_cookies(&header::SET_COOKIE, &set), ["sid=1; HttpOnly", "note=hearth_session=x"]);
    }

    #[test]
    fn cookie_of_an_environment_never_reaches_the_page_of_its_tool() {
        let mut headers = HeaderMap::new();
        for value in ["a=1; Domain=hello.tools.example", "b=1; Domain=tools.example", "c=1"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        filter_set_cookies(&mut headers, "hello--staging.tools.example");
        let kept: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(kept, ["a=1", "b=1", "c=1"]);
    }

    #[test]
    fn cookie_of_a_tool_belongs_to_its_own_host() {
        for (set, kept) in [
            ("a=1; Domain=tools.example; Path=/", "a=1; Path=/"),
            ("a=1; domain = .Tools.Example", "a=1"),
            ("a=1;DOMAIN=example;Secure", "a=1;Secure"),
            ("a=1; Domain=other.tools.example", "a=1"),
            ("a=1; Domain=localhost; Domain=hello.tools.example", "a=1; Domain=hello.tools.example"),
            ("a=1; Domain=Hello.tools.example", "a=1; Domain=Hello.tools.example"),
            ("a=Domain=x; Path=/", "a=Domain=x; Path=/"),
        ] {
            assert_eq!(filter_cookies(&header::SET_COOKIE, &[set]), [kept], "{set}");
        }
    }
}
