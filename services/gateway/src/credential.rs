//! What a request shows: a bearer token, Basic with a token as the password, or a browser's session cookie.

use axum::http::{HeaderMap, Method, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Error, Result, Secret};

/// The credential that a request shows, if it shows one. `cookie` is the name of the session's.
///
/// A change that a page of another site asks for is refused whether or not it brings a session: signing
/// somebody in is a change too.
pub fn shown(method: &Method, headers: &HeaderMap, cookie: &str) -> Result<Option<Secret>> {
    if let Some(secret) = in_header(headers)? {
        return Ok(Some(secret));
    }
    let session = session(headers, cookie);
    let foreign = match page(headers) {
        Page::Own => false,
        Page::Foreign => true,
        // A browser says where a change comes from; a session from elsewhere has no business in a cookie.
        Page::Unknown => session.is_some(),
    };
    if foreign && !method.is_safe() {
        return Err(Error::forbidden("cross-site", "this change was asked for by a page of another site")
            .help("use a token: hearth login"));
    }
    Ok(session)
}

/// The credential in the `Authorization` header, if there is one.
pub fn in_header(headers: &HeaderMap) -> Result<Option<Secret>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| unreadable())?;
    authorization(text).map(Some).ok_or_else(unreadable)
}

fn authorization(text: &str) -> Option<Secret> {
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Secret::new(rest));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        return pair.split_once(':').map(|(_, password)| Secret::new(password));
    }
    None
}

/// The session in the cookie of this name. Two of one name are none: one of them was put there by a page below
/// this host's name.
fn session(headers: &HeaderMap, cookie: &str) -> Option<Secret> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut named = values
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == cookie);
    match (named.next(), named.next()) {
        (Some((_, secret)), None) => Some(Secret::new(secret)),
        _ => None,
    }
}

/// Whose page asks, as the browser says.
enum Page {
    Own,
    Foreign,
    Unknown,
}

/// Tools' pages are of the same site (their host names lie below this one), so `SameSite` alone would not keep
/// them out.
fn page(headers: &HeaderMap) -> Page {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return if site == "same-origin" || site == "none" { Page::Own } else { Page::Foreign };
    }
    let Some(origin) = text(header::ORIGIN) else { return Page::Unknown };
    match (text(header::HOST), origin.split_once("://")) {
        (Some(host), Some((_, origin))) if host.eq_ignore_ascii_case(origin) => Page::Own,
        _ => Page::Foreign,
    }
}

fn unreadable() -> Error {
    Error::unauthenticated("credential-form", "the Authorization header cannot be read")
        .help("send Authorization: Bearer TOKEN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn seen(method: &Method, pairs: &[(&'static str, &'static str)]) -> Result<Option<String>> {
        shown(method, &headers(pairs), "hearth_session")
            .map(|secret| secret.map(|secret| secret.reveal().to_owned()))
    }

    #[test]
    fn bearer_basic_and_cookie_are_read() -> Result<()> {
        let get = Method::GET;
        assert_eq!(seen(&get, &[("authorization", "Bearer abc")])?.as_deref(), Some("abc"));
        assert_eq!(seen(&get, &[("authorization", "bAsIc eDphOmI=")])?.as_deref(), Some("a:b"));
        assert_eq!(seen(&get, &[("cookie", "a=1; hearth_session=s")])?.as_deref(), Some("s"));
        assert_eq!(seen(&get, &[("cookie", "hearth_sessions=s")])?, None);
        assert_eq!(seen(&get, &[("cookie", "hearth_session=s; hearth_session=t")])?, None);
        assert!(seen(&get, &[("authorization", "Digest x")]).is_err());
        assert!(seen(&get, &[("authorization", "Basic %%%")]).is_err());
        Ok(())
    }

    #[test]
    fn a_tools_page_cannot_use_a_browsers_session_for_a_change() {
        let session = ("cookie", "hearth_session=s");
        let post = Method::POST;
        for foreign in [
            [session, ("sec-fetch-site", "same-site"), ("host", "localhost:8080")],
            [session, ("origin", "http://hello.localhost:8080"), ("host", "localhost:8080")],
            [session, ("origin", "null"), ("host", "localhost:8080")],
            [session, ("accept", "*/*"), ("host", "localhost:8080")],
        ] {
            assert!(seen(&post, &foreign).is_err(), "{foreign:?}");
            assert!(seen(&Method::GET, &foreign).is_ok(), "{foreign:?}");
        }
        let signing_in = [("origin", "http://elsewhere.example"), ("host", "localhost:8080")];
        assert!(seen(&post, &signing_in).is_err());
        assert!(seen(&post, &[("host", "localhost:8080")]).is_ok());
        let own = [session, ("origin", "http://localhost:8080"), ("host", "localhost:8080")];
        assert!(seen(&post, &own).is_ok());
    }
}
