//! How registry clients sign in: with Basic on each request, or by the token flow, in which they show Basic once at
//! an address that a challenge names, and what they get from there on every request. The service whose paths they use
//! declares that address.
//!
//! The token that they get is the very one that they showed as the password: no second kind of secret comes into
//! being, and revoking it works at once.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, RequestId, Result, Role};
use hearth_kit::{config::Door, guard::NOT_SIGNED_IN};
use serde_json::json;

use crate::{Gateway, credential};

/// Seconds for which clients are told that a token is good: then they ask again.
const TOKEN_LIFE: u32 = 300;

/// Answers whoever shows a token as the password of Basic with that token, for `service`.
pub async fn exchange_token(
    gateway: &Gateway,
    service: Role,
    request: RequestId,
    headers: &HeaderMap,
) -> Result<Response> {
    // A browser's session stays in its cookie, where no page can read it.
    let shown = credential::in_header(headers)?.ok_or_else(|| {
        Error::unauthenticated(NOT_SIGNED_IN, "nobody is signed in")
            .help("log in with any user name, and a token of Hearth as the password")
    })?;
    gateway.identities.sign_identity(Some(shown.clone()), service, None, request).await?;
    let body = json!({"token": shown.reveal(), "access_token": shown.reveal(), "expires_in": TOKEN_LIFE});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// The challenge to a client that is not signed in at `path`: it gets a token at `token_path`, by Basic.
pub fn challenge(door: &Door, token_path: &str, path: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let challenge = match path == token_path {
        true => "Basic realm=\"hearth\"".to_owned(),
        false => format!("Bearer realm=\"{}{token_path}\",service=\"hearth\"", base(door, headers)),
    };
    HeaderValue::try_from(challenge).ok()
}

/// The address by which this client reaches the door: the public one, or another name for it that works where the
/// client is, inside a container for instance.
fn base(door: &Door, headers: &HeaderMap) -> String {
    let plain = |host: &&str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(plain);
    match (&door.public_url, host) {
        (Some(url), None) => url.trim_end_matches('/').to_owned(),
        (Some(url), Some(host)) if door.authority().eq_ignore_ascii_case(host) => {
            url.trim_end_matches('/').to_owned()
        }
        (_, Some(host)) => format!("http://{host}"),
        (None, None) => format!("http://{}", door.authority()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_signed_in_is_sent_to_the_token_path_and_there_asked_for_basic() {
        let challenge =
            |path: &str| challenge(&Door::default(), "/v2/token", path, &HeaderMap::new()).unwrap();
        assert_eq!(challenge("/v2/x"), "Bearer realm=\"http://localhost:8080/v2/token\",service=\"hearth\"");
        assert_eq!(challenge("/v2/token"), "Basic realm=\"hearth\"");
    }

    #[test]
    fn clients_are_sent_where_they_came_from() {
        let at = |public: Option<&str>, host: Option<&'static str>| {
            let public_url = public.map(str::to_owned);
            let door = Door { public_url, ..Door::default() };
            let host = host.map(|host| (header::HOST, HeaderValue::from_static(host)));
            base(&door, &host.into_iter().collect())
        };
        let public = Some("https://tools.example.org/");
        assert_eq!(at(public, Some("tools.example.org")), "https://tools.example.org");
        assert_eq!(at(public, Some("hearth.internal")), "http://hearth.internal");
        assert_eq!(at(public, None), "https://tools.example.org");
        assert_eq!(at(None, Some("127.0.0.1:8080")), "http://127.0.0.1:8080");
        assert_eq!(at(None, Some("a\"b")), "http://localhost:8080");
    }
}
