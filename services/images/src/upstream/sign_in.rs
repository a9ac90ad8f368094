//! Sign-in at an upstream: Basic authentication (RFC 7617), or a token of its token server (Docker registry token
//! authentication).

use axum::http::{HeaderMap, Uri, header};
use hearth_base::{Error, Result};
use http_auth::ChallengeParser;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Upstream, UpstreamRepository, build_invalid_answer_error};

/// Lifetime of a token whose server names none (Docker registry token authentication).
const DEFAULT_TOKEN_SECONDS: i64 = 60;
/// Longest time for which a token is used.
const MAX_TOKEN_SECONDS: i64 = 3600;
/// Time before its end at which a token is no longer used.
const TOKEN_END_MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// Authentication scheme that an upstream requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInChallenge {
    /// User name and password with each request.
    Basic,
    /// A token, from the server at this URL.
    Token { url: Uri },
}

impl SignInChallenge {
    /// URL of the token server, if a token is wanted.
    pub fn token_url(self) -> Option<Uri> {
        match self {
            Self::Basic => None,
            Self::Token { url } => Some(url),
        }
    }
}

/// Answer of a token server. Some servers name the token `access_token`, as OAuth 2 does.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<i64>,
}

/// A token of a token server.
pub struct SignInToken {
    pub text: String,
    pub valid_until: Timestamp,
}

/// Parses the challenge of an answer with the status 401 (RFC 9110, section 11.6.1); a token is preferred. The URL
/// of the token server has the parameters of a request to pull `repository`.
pub fn parse_challenge(
    upstream: &Upstream<'_>,
    repository: &UpstreamRepository,
    headers: &HeaderMap,
) -> Result<SignInChallenge> {
    let texts = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut challenge = None;
    for found in texts.flat_map(|text| ChallengeParser::new(text).map_while(std::result::Result::ok)) {
        if found.scheme.eq_ignore_ascii_case("bearer") {
            let parameter = |name: &str| {
                let named = found.params.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
                named.map(|(_, value)| value.to_unescaped())
            };
            let realm = parameter("realm").unwrap_or_default();
            let default_scope = format!("repository:{}:pull", upstream.format_path(repository));
            let scope = parameter("scope").unwrap_or(default_scope);
            let url = build_token_url(upstream, &realm, parameter("service"), &scope)?;
            return Ok(SignInChallenge::Token { url });
        }
        if found.scheme.eq_ignore_ascii_case("basic") {
            challenge = Some(SignInChallenge::Basic);
        }
    }
    challenge.ok_or_else(|| build_invalid_answer_error(upstream, "it asks for an unknown kind of sign-in"))
}

/// Builds the URL of a token request. A token server must be as well protected as its registry.
fn build_token_url(
    upstream: &Upstream<'_>,
    realm: &str,
    service: Option<String>,
    scope: &str,
) -> Result<Uri> {
    let invalid = || build_invalid_answer_error(upstream, "it names an invalid token server");
    // Behind a fragment the parameters would be part of it.
    if realm.contains('#') {
        return Err(invalid());
    }
    let server: Uri = realm.parse().map_err(|_| invalid())?;
    let is_encrypted = server.scheme_str() == Some("https");
    if !is_encrypted && upstream.settings.url.as_uri().scheme_str() == Some("https") {
        return Err(build_invalid_answer_error(upstream, "its token server is not encrypted"));
    }
    let scope = ("scope", scope.to_owned());
    let parameters = service.map(|service| ("service", service)).into_iter().chain([scope]);
    let query = serde_html_form::to_string(parameters.collect::<Vec<_>>()).map_err(Error::internal)?;
    let separator = if server.query().is_some() { '&' } else { '?' };
    format!("{realm}{separator}{query}").parse().map_err(|_| invalid())
}

/// Parses the answer of a token server.
pub fn parse_token(upstream: &Upstream<'_>, content: &[u8], now: Timestamp) -> Result<SignInToken> {
    let invalid = || build_invalid_answer_error(upstream, "its token server sends no token");
    let answer: TokenAnswer = serde_json::from_slice(content).map_err(|cause| invalid().with_cause(cause))?;
    let text = answer.token.or(answer.access_token).unwrap_or_default();
    if text.is_empty() || text.len() > MAX_TOKEN_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid());
    }
    let seconds = answer.expires_in.unwrap_or(DEFAULT_TOKEN_SECONDS).clamp(0, MAX_TOKEN_SECONDS);
    let lifetime = SignedDuration::from_secs(seconds) - TOKEN_END_MARGIN;
    Ok(SignInToken { text, valid_until: now.saturating_add(lifetime).unwrap_or(now) })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::upstream::{UpstreamName, UpstreamSettings};

    fn parse(url: &str, challenges: &[&'static str]) -> Result<SignInChallenge> {
        let settings: UpstreamSettings = serde_json::from_value(serde_json::json!({ "url": url })).unwrap();
        let name: UpstreamName = "hub".parse().unwrap();
        let upstream = Upstream { name: &name, settings: &settings };
        let headers = challenges
            .iter()
            .map(|text| (header::WWW_AUTHENTICATE, HeaderValue::from_static(text)))
            .collect();
        parse_challenge(&upstream, &"a/b".parse().unwrap(), &headers)
    }

    fn token_url(url: &str, challenge: &'static str) -> Option<String> {
        parse(url, &[challenge]).ok()?.token_url().map(|url| url.to_string())
    }

    #[test]
    fn challenge_names_the_token_server_and_its_parameters() {
        let text = "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/b:pull\"";
        assert_eq!(
            token_url("https://registry.example", text).as_deref(),
            Some("https://auth.example/token?service=registry.example&scope=repository%3Aa%2Fb%3Apull")
        );
        let text = "bearer Realm=\"https://auth.example/token?x=1\"";
        assert_eq!(
            token_url("https://registry.example/team", text).as_deref(),
            Some("https://auth.example/token?x=1&scope=repository%3Ateam%2Fa%2Fb%3Apull")
        );
    }

    #[test]
    fn token_is_preferred_to_a_password() {
        let bearer = "Bearer realm=\"https://auth.example/token\"";
        let both = parse("https://registry.example", &["Basic realm=\"x\"", bearer]).unwrap();
        assert!(matches!(both, SignInChallenge::Token { .. }));
        let one = parse("https://registry.example", &["Digest realm=\"x\", Basic realm=\"x\""]).unwrap();
        assert_eq!(one, SignInChallenge::Basic);
    }

    #[test]
    fn invalid_challenge_or_unencrypted_token_server_is_refused() {
        for text in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer realm=\"\"",
            "Bearer realm=\"no url\"",
            "Bearer realm=\"https://auth.example/token#x\"",
            "Bearer realm=\"http://auth.example/token\"",
        ] {
            assert!(parse("https://registry.example", &[text]).is_err(), "{text:?}");
        }
        assert!(parse("https://registry.example", &[]).is_err());
        assert!(token_url("http://127.0.0.1:5000", "Bearer realm=\"http://127.0.0.1:5001/token\"").is_some());
    }

    #[test]
    fn token_has_the_lifetime_that_its_server_names() {
        let settings: UpstreamSettings =
            serde_json::from_value(serde_json::json!({ "url": "https://registry.example" })).unwrap();
        let name: UpstreamName = "hub".parse().unwrap();
        let upstream = Upstream { name: &name, settings: &settings };
        let now = Timestamp::UNIX_EPOCH;
        let parse = |text: &str| parse_token(&upstream, text.as_bytes(), now);
        let seconds = |text: &str| parse(text).unwrap().valid_until.as_second();
        assert_eq!(seconds(r#"{"token": "abc", "expires_in": 300}"#), 290);
        assert_eq!(seconds(r#"{"access_token": "abc"}"#), 50);
        assert_eq!(seconds(r#"{"token": "abc", "expires_in": 99999999999}"#), 3590);
        assert_eq!(seconds(r#"{"token": "abc", "expires_in": -5}"#), -10);
        for text in
            ["", "[]", "{}", r#"{"token": ""}"#, r#"{"token": "a b"}"#, "{\"token\": \"a\\r\\nX: y\"}"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
