//! Credentials of requests: a bearer token, Basic with a token as the password, a browser's session cookie, or a deploy
//! token in the query.

use axum::http::{HeaderMap, Method, Uri, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Error, Result, Secret};
use hearth_wire::accounts::deploy_tokens::QUERY_CREDENTIAL_PREFIX;
use percent_encoding::percent_decode_str;

/// Reads the credential of a request, if it has one. `cookie` is the name of the session cookie.
///
/// A state-changing request from a page of another site is rejected (cross-site request forgery), even without
/// a session: a sign-in also changes state.
pub fn read_credential(method: &Method, headers: &HeaderMap, cookie: &str) -> Result<Option<Secret>> {
    if let Some(secret) = read_authorization(headers)? {
        return Ok(Some(secret));
    }
    let session = read_session_cookie(headers, cookie);
    let foreign = match detect_origin(headers) {
        RequestOrigin::Own => false,
        RequestOrigin::Foreign => true,
        // Browsers send the origin of a change; a client without an origin should use a token, not a session
        // cookie.
        RequestOrigin::Unknown => session.is_some(),
    };
    if foreign && !method.is_safe() {
        return Err(Error::forbidden("cross-site", "the request comes from a page of another site")
            .help("use a token: hearth login"));
    }
    Ok(session)
}

/// Reads the credential from the `Authorization` header, if there is one.
pub fn read_authorization(headers: &HeaderMap) -> Result<Option<Secret>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| build_unreadable_error())?;
    parse_authorization(text).map(Some).ok_or_else(build_unreadable_error)
}

/// Takes the credential out of the query parameter of this name. It is marked, because only deploy tokens are accepted
/// from there: a query is easily recorded on its way. Of several values the first counts; all are removed.
pub fn take_query_credential(uri: &mut Uri, parameter: &str) -> Option<Secret> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let name_of = |pair: &str| decode(pair.split_once('=').map_or(pair, |(name, _)| name));
    let query = uri.query()?;
    let (found, kept): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| name_of(pair) == parameter);
    let first = decode(found.first()?.split_once('=').map_or("", |(_, value)| value));
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    let mut parts = uri.clone().into_parts();
    // A shorter query is still valid; if it were not, the request would go on without any.
    parts.path_and_query = format!("{}{query}", uri.path()).parse().or_else(|_| uri.path().parse()).ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
    Some(Secret::new(format!("{QUERY_CREDENTIAL_PREFIX}{first}")))
}

fn parse_authorization(text: &str) -> Option<Secret> {
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

/// Reads the session from the cookie of this name. `None` if there are two: a page of a subdomain set one of
/// them.
fn read_session_cookie(headers: &HeaderMap, cookie: &str) -> Option<Secret> {
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

/// Origin of the requesting page, according to the browser.
enum RequestOrigin {
    Own,
    Foreign,
    Unknown,
}

/// Detects the origin of the requesting page. `SameSite` cookies are not sufficient: tools' pages are on the same
/// site, because their hosts are subdomains.
fn detect_origin(headers: &HeaderMap) -> RequestOrigin {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return if site == "same-origin" || site == "none" {
            RequestOrigin::Own
        } else {
            RequestOrigin::Foreign
        };
    }
    let Some(origin) = text(header::ORIGIN) else { return RequestOrigin::Unknown };
    match (text(header::HOST), origin.split_once("://")) {
        (Some(host), Some((_, origin))) if host.eq_ignore_ascii_case(origin) => RequestOrigin::Own,
        _ => RequestOrigin::Foreign,
    }
}

fn build_unreadable_error() -> Error {
    Error::unauthenticated("credential-form", "the Authorization header cannot be read")
        .help("send Authorization: Bearer TOKEN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn build_headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn read_test_credential(
        method: &Method,
        pairs: &[(&'static str, &'static str)],
    ) -> Result<Option<String>> {
        read_credential(method, &build_headers(pairs), "hearth_session")
            .map(|secret| secret.map(|secret| secret.expose_secret().to_owned()))
    }

    #[test]
    fn bearer_basic_and_cookie_credentials_are_read() -> Result<()> {
        let get = Method::GET;
        assert_eq!(read_test_credential(&get, &[("authorization", "Bearer abc")])?.as_deref(), Some("abc"));
        assert_eq!(
            read_test_credential(&get, &[("authorization", "bAsIc eDphOmI=")])?.as_deref(),
            Some("a:b")
        );
        assert_eq!(read_test_credential(&get, &[("cookie", "a=1; hearth_session=s")])?.as_deref(), Some("s"));
        assert_eq!(read_test_credential(&get, &[("cookie", "hearth_sessions=s")])?, None);
        assert_eq!(read_test_credential(&get, &[("cookie", "hearth_session=s; hearth_session=t")])?, None);
        assert!(read_test_credential(&get, &[("authorization", "Digest x")]).is_err());
        assert!(read_test_credential(&get, &[("authorization", "Basic %%%")]).is_err());
        Ok(())
    }

    #[test]
    fn credential_is_removed_from_the_query_in_every_spelling() -> Result<()> {
        for (sent, token, kept) in [
            ("/a/b?token=abc", Some("query:abc"), "/a/b"),
            ("/a/b?x=1&token=a%2Db&y=2", Some("query:a-b"), "/a/b?x=1&y=2"),
            ("/a/b?%74oken=abc&token=def&y", Some("query:abc"), "/a/b?y"),
            ("http://door/a?token", Some("query:"), "http://door/a"),
            ("/a/b?tokens=abc&Token=1", None, "/a/b?tokens=abc&Token=1"),
            ("/a/b?", None, "/a/b?"),
        ] {
            let mut uri: Uri = sent.parse().map_err(Error::internal)?;
            let found = take_query_credential(&mut uri, "token");
            assert_eq!(found.as_ref().map(Secret::expose_secret), token, "{sent}");
            assert_eq!(uri.to_string(), kept, "{sent}");
        }
        Ok(())
    }

    #[test]
    fn cross_site_change_with_a_session_is_refused() {
        let session = ("cookie", "hearth_session=s");
        let post = Method::POST;
        for foreign in [
            [session, ("sec-fetch-site", "same-site"), ("host", "localhost:8080")],
            [session, ("origin", "http://hello.localhost:8080"), ("host", "localhost:8080")],
            [session, ("origin", "null"), ("host", "localhost:8080")],
            [session, ("accept", "*/*"), ("host", "localhost:8080")],
        ] {
            assert!(read_test_credential(&post, &foreign).is_err(), "{foreign:?}");
            assert!(read_test_credential(&Method::GET, &foreign).is_ok(), "{foreign:?}");
        }
        let signing_in = [("origin", "http://elsewhere.example"), ("host", "localhost:8080")];
        assert!(read_test_credential(&post, &signing_in).is_err());
        assert!(read_test_credential(&post, &[("host", "localhost:8080")]).is_ok());
        let own = [session, ("origin", "http://localhost:8080"), ("host", "localhost:8080")];
        assert!(read_test_credential(&post, &own).is_ok());
    }
}
