//! Header filter between visitors and tools: removes hop-by-hop headers, Hearth's own headers and secrets, and what one
//! tool's page could do to the pages of others.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hearth_kit::relay;

use crate::cookies;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
/// Directives of `Clear-Site-Data` that affect only the origin of the response. `"cookies"` clears those of the whole
/// registrable domain: of all tools, and of Hearth itself.
const ORIGIN_DIRECTIVES: [&str; 5] =
    ["\"cache\"", "\"storage\"", "\"executionContexts\"", "\"prefetchCache\"", "\"prerenderCache\""];

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
    relay::remove_hearth_headers(headers);
    // Servers that pass headers as variables (CGI, WSGI) read `X_Forwarded_For` as `X-Forwarded-For`.
    relay::remove_headers_where(headers, |name| name.as_str().contains('_'));
    // The server has already sent "100 Continue" when the body was first read.
    headers.remove(header::EXPECT);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if headers.get_all(header::AUTHORIZATION).into_iter().any(has_secret) {
        headers.remove(header::AUTHORIZATION);
    }
    cookies::remove_session_cookie(headers);
}

/// True when a value of `Authorization` contains a secret that Hearth issued: as a bearer token, or as a part of Basic
/// credentials.
fn has_secret(value: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes());
    let words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    words.into_iter().any(|word| {
        let word = word.trim_matches('"');
        word.starts_with(SECRET_PREFIX) || decode_basic(word).is_some_and(|pair| contains_secret(&pair))
    })
}

fn contains_secret(pair: &[u8]) -> bool {
    pair.split(|byte| *byte == b':').any(|part| part.trim_ascii().starts_with(SECRET_PREFIX.as_bytes()))
}

/// Decodes base64 as leniently as servers do.
fn decode_basic(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let decode = |alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok();
    decode(&STANDARD).or_else(|| decode(&URL_SAFE))
}

/// Filters the response headers of the tool at `host` for a visitor.
pub fn filter_response(headers: &mut HeaderMap, host: &str) {
    relay::remove_hop_by_hop_headers(headers);
    relay::remove_hearth_headers(headers);
    cookies::filter_set_cookies(headers, host);
    limit_clear_site_data(headers);
}

/// Leaves only the directives of `Clear-Site-Data` that affect the tool's own origin.
fn limit_clear_site_data(headers: &mut HeaderMap) {
    let values = headers.get_all(&CLEAR_SITE_DATA).into_iter().filter_map(|value| value.to_str().ok());
    let directives = values.flat_map(|value| value.split(',')).map(str::trim);
    let kept: Vec<&str> = directives.filter(|directive| ORIGIN_DIRECTIVES.contains(directive)).collect();
    let kept = HeaderValue::try_from(kept.join(", ")).ok().filter(|value| !value.is_empty());
    headers.remove(&CLEAR_SITE_DATA);
    if let Some(kept) = kept {
        headers.insert(CLEAR_SITE_DATA, kept);
    }
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
            ("x_hearth_identity", "x"),
            ("x_forwarded_for", "6.6.6.6"),
            ("authorization", "Bearer hearth_token_x"),
            ("connection", "x-mine, host"),
            ("x-mine", "x"),
            ("host", "hello.localhost"),
            ("expect", "100-continue"),
            ("te", "trailers"),
        ]);
        filter_request(&mut seen);
        let cookies: Vec<_> = seen.get_all("cookie").into_iter().collect();
        assert_eq!(cookies, ["a=1; b=2", "c=3"]);
        let mut left: Vec<_> = seen.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cookie", "host", "te"]);
    }

    #[test]
    fn tokens_of_hearth_never_reach_a_tool_in_basic_credentials() {
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let pairs = ["ann:hearth_token_x", "hearth_token_x:", "hearth_token_x", ": hearth_token_x"];
        let mut sent =
            ["Bearer  hearth_x", "bearer\thearth_x", "Token \"hearth_x\""].map(str::to_owned).to_vec();
        for pair in pairs {
            sent.push(format!("Basic {}", STANDARD.encode(pair)));
            sent.push(format!("basic  {}", URL_SAFE_NO_PAD.encode(pair)));
        }
        for value in sent {
            let mut headers = HeaderMap::new();
            headers.append(header::AUTHORIZATION, HeaderValue::from_static("Basic eDp5"));
            headers.append(header::AUTHORIZATION, HeaderValue::try_from(&value).unwrap());
            filter_request(&mut headers);
            assert!(!headers.contains_key(header::AUTHORIZATION), "{value}");
        }
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
    fn headers_of_hearth_cannot_be_sent_by_a_tool() {
        let mut said = build_headers(&[
            ("set-cookie", "hearth_session=evil; Domain=localhost"),
            ("set-cookie", "sid=1; HttpOnly"),
            ("x-hearth-code", "evil"),
            ("keep-alive", "timeout=5"),
        ]);
        filter_response(&mut said, "hello.localhost");
        assert_eq!(said.len(), 1);
        assert_eq!(said["set-cookie"], "sid=1; HttpOnly");
    }

    #[test]
    fn tool_clears_only_data_of_its_own_origin() {
        for (sent, kept) in [
            ("\"*\"", None),
            ("\"cookies\"", None),
            ("cache", None),
            ("\"cache\", \"cookies\",\"storage\"", Some("\"cache\", \"storage\"")),
        ] {
            let mut said = build_headers(&[("clear-site-data", sent)]);
            filter_response(&mut said, "hello.localhost");
            let left = said.get(&CLEAR_SITE_DATA).map(|value| value.to_str().unwrap());
            assert_eq!(left, kept, "{sent}");
        }
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
