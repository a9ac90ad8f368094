//! How registry clients sign in: with Basic on each request, or by the token flow, in which they show Basic once at
//! an address that a challenge names, and what they get from there on every request.
//!
//! The token that they get is the very one that they showed as the password: no second kind of secret comes into
//! being, and revoking it works at once.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hearth_base::{Error, RequestId, Result, Role};
use hearth_kit::{Authed, Refused, config::Door, guard::NOT_SIGNED_IN};
use serde_json::json;

use crate::{Gateway, Open, credential, target::Target};

/// The registry's prefix (OCI distribution specification, "API").
const ROOT: &str = "/v2";
/// Where the token flow gets its tokens.
const TOKEN: &str = "/v2/token";
/// How long clients are told that a token is good, in seconds: then they ask again.
const LIFE: u32 = 300;

/// Whether a path is one of the registry's.
pub fn is_registry(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A token for whoever shows one as the password of Basic.
#[utoipa::path(get, path = "/v2/token", tag = "registry", operation_id = "registry.token",
    responses((status = 200, description = "the token"), (status = 401, description = "no password, or no good one")))]
pub async fn token(State(gateway): State<Arc<Gateway>>, who: Authed<Open>, headers: HeaderMap) -> Response {
    match exchange(&gateway, who.request, &headers).await {
        Ok(response) => response,
        Err(error) => Refused(error).into_response(),
    }
}

async fn exchange(gateway: &Gateway, request: RequestId, headers: &HeaderMap) -> Result<Response> {
    // A browser's session stays in its cookie, where no page can read it.
    let shown = credential::in_header(headers)?.ok_or_else(|| {
        Error::unauthenticated(NOT_SIGNED_IN, "nobody is signed in")
            .help("log in with any user name, and a token of Hearth as the password")
    })?;
    let registry = Target { service: Role::Images, tool: None };
    gateway.identities.of(Some(shown.clone()), &registry, request).await?;
    let body = json!({"token": shown.reveal(), "access_token": shown.reveal(), "expires_in": LIFE});
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// Tells registry clients that are not signed in where they can.
pub async fn challenge(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let realm = is_registry(path).then(|| match path {
        TOKEN => "Basic realm=\"hearth\"".to_owned(),
        _ => {
            let base = base(&gateway.kit.config.door, request.headers());
            format!("Bearer realm=\"{base}{TOKEN}\",service=\"hearth\"")
        }
    });
    let mut response = next.run(request).await;
    let Some(realm) = realm else { return response };
    if response.status() == StatusCode::UNAUTHORIZED
        && let Ok(realm) = HeaderValue::try_from(realm)
    {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    }
    response
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

    #[test]
    fn the_registrys_paths_are_told_from_others() {
        for path in ["/v2", "/v2/", "/v2/hearth/x/tags/list"] {
            assert!(is_registry(path), "{path}");
        }
        for path in ["/v22", "/images/v2", "/"] {
            assert!(!is_registry(path), "{path}");
        }
    }
}
