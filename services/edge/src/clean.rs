//! What of a request reaches a tool, and what of its answer a visitor: nothing that is Hearth's own.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use hearth_kit::relay;
use hearth_wire::accounts::SESSION_COOKIE;

/// How the secrets begin that Hearth gives to people and tools.
const SECRETS: &str = "hearth_";

/// A request that two programs could read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// Refuses what could be taken for two requests by one of those on the way (RFC 9112, section 6.3 and 11.2).
pub fn check(version: Version, headers: &HeaderMap) -> Result<(), Ambiguous> {
    let coded = headers.get_all(header::TRANSFER_ENCODING).into_iter().count();
    let lengths = headers.get_all(header::CONTENT_LENGTH).into_iter().count();
    let chunked = headers.get(header::TRANSFER_ENCODING);
    let known = chunked.is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let old = version < Version::HTTP_11 && coded > 0;
    if coded > 1 || lengths > 1 || (coded > 0 && lengths > 0) || !known || old {
        return Err(Ambiguous);
    }
    Ok(())
}

/// Leaves what a tool may see of a request.
pub fn request(headers: &mut HeaderMap) {
    let trailers =
        headers.get(header::TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    relay::strip(headers);
    own(headers);
    // Whoever spoke with the visitor has said "continue" when the body was asked for.
    headers.remove(header::EXPECT);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let hearths = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.split_once(' ').is_some_and(|(_, secret)| secret.trim().starts_with(SECRETS))
    };
    if headers.get(header::AUTHORIZATION).is_some_and(hearths) {
        headers.remove(header::AUTHORIZATION);
    }
    cookies(headers);
}

/// Leaves what a visitor may see of an answer.
pub fn response(headers: &mut HeaderMap) {
    relay::strip(headers);
    own(headers);
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

/// Removes the headers that parts of Hearth give each other.
fn own(headers: &mut HeaderMap) {
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-hearth-")).cloned().collect();
    for name in own {
        headers.remove(name);
    }
}

/// Removes Hearth's session from the cookies, and leaves the others as they were.
fn cookies(headers: &mut HeaderMap) {
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

/// Whether a pair in a cookie header is Hearth's session, by any of its names.
fn is_session(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    let bare = name.strip_prefix(b"__Host-").or_else(|| name.strip_prefix(b"__Secure-")).unwrap_or(name);
    bare.eq_ignore_ascii_case(SESSION_COOKIE.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
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
    fn hearths_own_never_reaches_a_tool() {
        let mut seen = headers(&[
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
        request(&mut seen);
        let cookies: Vec<_> = seen.get_all("cookie").into_iter().collect();
        assert_eq!(cookies, ["a=1; b=2", "c=3"]);
        let mut left: Vec<_> = seen.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cookie", "te"]);
    }

    #[test]
    fn a_tools_own_credentials_pass() {
        let mut seen = headers(&[("authorization", "Basic eDp5"), ("cookie", "sid=1; hearth_sessions=2")]);
        request(&mut seen);
        assert_eq!(seen["authorization"], "Basic eDp5");
        assert_eq!(seen["cookie"], "sid=1; hearth_sessions=2");
    }

    #[test]
    fn a_tool_cannot_set_hearths_session() {
        let mut said = headers(&[
            ("set-cookie", "hearth_session=evil; Domain=localhost"),
            ("set-cookie", "__Host-hearth_session=evil"),
            ("set-cookie", "sid=1; HttpOnly"),
            ("x-hearth-code", "evil"),
            ("keep-alive", "timeout=5"),
        ]);
        response(&mut said);
        assert_eq!(said.len(), 1);
        assert_eq!(said["set-cookie"], "sid=1; HttpOnly");
    }

    #[test]
    fn what_could_be_two_requests_is_refused() {
        let check = |pairs: &[(&'static str, &'static str)]| check(Version::HTTP_11, &headers(pairs));
        assert!(check(&[("content-length", "4")]).is_ok());
        assert!(check(&[("transfer-encoding", "chunked")]).is_ok());
        assert!(check(&[("content-length", "4"), ("transfer-encoding", "chunked")]).is_err());
        assert!(check(&[("content-length", "4"), ("content-length", "4")]).is_err());
        assert!(check(&[("transfer-encoding", "gzip, chunked")]).is_err());
        assert!(check(&[("transfer-encoding", "xchunked")]).is_err());
        let old = super::check(Version::HTTP_10, &headers(&[("transfer-encoding", "chunked")]));
        assert!(old.is_err());
    }
}
