//! Header filter between visitors and tools: removes hop-by-hop headers and Hearth's own headers and secrets.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use hearth_kit::relay;
use hearth_wire::accounts::SESSION_COOKIE;

/// Prefix of the secrets that Hearth issues.
const SECRET_PREFIX: &str = "hearth_";

/// Request with ambiguous framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmbiguousRequest;

/// Rejects a request whose framing is ambiguous (request smuggling; RFC 9112, sections 6.3 and 11.2).
pub fn check_framing(version: Version, headers: &HeaderMap) -> Result<(), AmbiguousRequest> {
    let coded = headers.get_all(header::TRANSFER_ENCODING).into_iter().count();
    let lengths = headers.get_all(header::CONTENT_LENGTH).into_iter().count();
    let chunked = headers.get(header::TRANSFER_ENCODING);
    let known = chunked.is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let old = version < Version::HTTP_11 && coded > 0;
    if coded > 1 || lengths > 1 || (coded > 0 && lengths > 0) || !known || old {
        return Err(AmbiguousRequest);
    }
    Ok(())
}

/// Filters the request headers for a tool.
pub fn filter_request(headers: &mut HeaderMap) {
    let trailers =
        headers.get(header::TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    relay::remove_hop_by_hop_headers(headers);
    remove_hearth_headers(headers);
    // The server has already sent "100 Continue" when the body was first read.
    headers.remove(header::EXPECT);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let hearths = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split_once(' ').is_some_and(|(_, secret)| secret.trim().starts_with(SECRET_PREFIX))
    };
    if headers.get(header::AUTHORIZATION).is_some_and(hearths) {
        headers.remove(header::AUTHORIZATION);
    }
    remove_session_cookie(headers);
}

/// Filters the response headers for a visitor.
pub fn filter_response(headers: &mut HeaderMap) {
    relay::remove_hop_by_hop_headers(headers);
    remove_hearth_headers(headers);
    let kept: Vec<HeaderValue> = headers
        .get_all(header::SET_COOKIE)
        .into_iter()
        .filter(|value| !is_session(value.as_bytes()))
        .cloned()
        .collect();
    headers.remove(header::SET_COOKIE);
    for value in kept {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Removes the headers that parts of Hearth exchange.
fn remove_hearth_headers(headers: &mut HeaderMap) {
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-hearth-")).cloned().collect();
    for name in own {
        headers.remove(name);
    }
}

/// Removes Hearth's session from the cookies and leaves the other cookies unchanged.
fn remove_session_cookie(headers: &mut HeaderMap) {
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
    headers.remove(header::COOKIE);
    for value in kept {
        headers.append(header::COOKIE, value);
    }
}

/// True when a pair of a cookie header is Hearth's session, under any of its names.
fn is_session(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    let bare = name.strip_prefix(b"__Host-").or_else(|| name.strip_prefix(b"__Secure-")).unwrap_or(name);
    bare.eq_ignore_ascii_case(SESSION_COOKIE.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn headers_and_secrets_of_hearth_never_reach_a_tool() {
        let mut seen = build_headers(&[
            ("cookie", "a=1; hearth_session=s3cret; b=2"),
            ("cookie", "__Host-hearth_session=s3cret"),
            ("cookie", " hearth_session =s3cret;c=3"),
            ("x-hearth-identity", "x"),
            ("x-hearth-anything", "x"),
            ("authorization", "Bearer hearth_token_x"),
            ("connection", "x-mine"),
            ("x-mine", "x"),
            ("expect", "100-continue"),
            ("te", "trailers"),
        ]);
        filter_request(&mut seen);
        let cookies: Vec<_> = seen.get_all("cookie").into_iter().collect();
        assert_eq!(cookies, ["a=1; b=2", "c=3"]);
        let mut left: Vec<_> = seen.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cookie", "te"]);
    }

    #[test]
    fn credentials_of_a_tool_reach_it() {
        let mut seen =
            build_headers(&[("authorization", "Basic eDp5"), ("cookie", "sid=1; hearth_sessions=2")]);
        filter_request(&mut seen);
        assert_eq!(seen["authorization"], "Basic eDp5");
        assert_eq!(seen["cookie"], "sid=1; hearth_sessions=2");
    }

    #[test]
    fn session_cookie_cannot_be_set_by_a_tool() {
        let mut said = build_headers(&[
            ("set-cookie", "hearth_session=evil; Domain=localhost"),
            ("set-cookie", "__Host-hearth_session=evil"),
            ("set-cookie", "sid=1; HttpOnly"),
            ("x-hearth-code", "evil"),
            ("keep-alive", "timeout=5"),
        ]);
        filter_response(&mut said);
        assert_eq!(said.len(), 1);
        assert_eq!(said["set-cookie"], "sid=1; HttpOnly");
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        let check =
            |pairs: &[(&'static str, &'static str)]| check_framing(Version::HTTP_11, &build_headers(pairs));
        assert!(check(&[("content-length", "4")]).is_ok());
        assert!(check(&[("transfer-encoding", "chunked")]).is_ok());
        assert!(check(&[("content-length", "4"), ("transfer-encoding", "chunked")]).is_err());
        assert!(check(&[("content-length", "4"), ("content-length", "4")]).is_err());
        assert!(check(&[("transfer-encoding", "gzip, chunked")]).is_err());
        assert!(check(&[("transfer-encoding", "xchunked")]).is_err());
        let old = super::check_framing(Version::HTTP_10, &build_headers(&[("transfer-encoding", "chunked")]));
        assert!(old.is_err());
    }
}
