//! Sign-in of registry clients: by Basic authentication on each request, or by the token flow, in which the
//! client gets a token with Basic authentication from the address in the challenge. The service that owns the
//! paths declares that address.
//!
//! The issued token is the secret that the client sent as the password: there is no second kind of secret,
//! and revocation works at once.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Result};
use hearth_kit::{config::DoorSettings, guard::NOT_SIGNED_IN};
use serde_json::json;

use crate::request_caller::RequestCaller;

/// Announced lifetime of a token; afterwards clients request another one.
const TOKEN_LIFETIME_SECONDS: u32 = 300;

/// Returns the token that the client sent as its Basic password.
pub fn exchange_token(caller: RequestCaller) -> Result<Response> {
    let secret = match (caller.secret, caller.invalid_credential) {
        (Some(secret), _) => secret,
        (None, Some(invalid)) => return Err(invalid),
        (None, None) => {
            return Err(Error::unauthenticated(NOT_SIGNED_IN, "you are not signed in")
                .help("log in with any user name, and a token of Hearth as the password"));
        }
    };
    let body = json!({"token": secret.expose_secret(), "access_token": secret.expose_secret(), "expires_in": TOKEN_LIFETIME_SECONDS});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// Builds the challenge for an unauthenticated client at `path`: Bearer with `token_path`, or Basic at that
/// path itself.
pub fn build_challenge(
    door: &DoorSettings,
    token_path: &str,
    path: &str,
    headers: &HeaderMap,
) -> Option<HeaderValue> {
    let challenge = match path == token_path {
        true => "Basic realm=\"hearth\"".to_owned(),
        false => {
            format!("Bearer realm=\"{}{token_path}\",service=\"hearth\"", client_base_url(door, headers))
        }
    };
    HeaderValue::try_from(challenge).ok()
}

/// Returns the base URL by which this client reaches the gateway: the public URL, or another name that works
/// for the client, such as inside a container.
pub fn client_base_url(door: &DoorSettings, headers: &HeaderMap) -> String {
    let plain = |host: &&str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(plain);
    match (&door.public_url, host) {
        (Some(url), None) => url.trim_end_matches('/').to_owned(),
        (Some(url), Some(host)) if door.public_authority().eq_ignore_ascii_case(host) => {
            url.trim_end_matches('/').to_owned()
        }
        (_, Some(host)) => format!("http://{host}"),
        (None, None) => format!("http://{}", door.public_authority()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_names_the_token_path_and_there_basic() {
        let challenge = |path: &str| {
            build_challenge(&DoorSettings::default(), "/v2/token", path, &HeaderMap::new()).unwrap()
        };
        assert_eq!(challenge("/v2/x"), "Bearer realm=\"http://localhost:8080/v2/token\",service=\"hearth\"");
        assert_eq!(challenge("/v2/token"), "Basic realm=\"hearth\"");
    }

    #[test]
    fn challenge_uses_the_clients_own_base_url() {
        let at = |public: Option<&str>, host: Option<&'static str>| {
            let public_url = public.map(str::to_owned);
            let door = DoorSettings { public_url, ..DoorSettings::default() };
            let host = host.map(|host| (header::HOST, HeaderValue::from_static(host)));
            client_base_url(&door, &host.into_iter().collect())
        };
        let public = Some("https://tools.example.org/");
        assert_eq!(at(public, Some("tools.example.org")), "https://tools.example.org");
        assert_eq!(at(public, Some("hearth.internal")), "http://hearth.internal");
        assert_eq!(at(public, None), "https://tools.example.org");
        assert_eq!(at(None, Some("127.0.0.1:8080")), "http://127.0.0.1:8080");
        assert_eq!(at(None, Some("a\"b")), "http://localhost:8080");
    }
}
