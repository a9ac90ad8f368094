//! Passes a request on to the service that its path names, and the answer back, both as streams.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Kind, RequestId, Result};
use hearth_client::headers;
use hearth_kit::{Refused, config::Config, guard::NOT_SIGNED_IN};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{
    Gateway, credential, hosts, registry,
    target::{Target, target},
};

/// Who called, for the line in the log.
#[derive(Debug, Clone)]
pub struct CalledBy(pub String);

/// What `accounts` says of a credential that is not good. Any other refusal of its is about the gateway itself.
const NOT_GOOD: [&str; 2] = ["credential-refused", "code-is-no-token"];

/// Answers everything that is not the gateway's own.
pub async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    match pass_on(&gateway, request).await {
        Ok(response) => response,
        Err(error) => Refused(error).into_response(),
    }
}

async fn pass_on(gateway: &Gateway, mut request: Request) -> Result<Response> {
    let Some(target) = target(request.uri().path()) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let request_id = *request
        .extensions()
        .get::<RequestId>()
        .ok_or_else(|| Error::internal("a request without an id behind the entry"))?;
    let limit = body_limit(request.uri().path(), &gateway.kit.config);
    if announced(request.headers()).is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }

    // A credential that is not good does not stand in the way of what anyone may do (signing in, say): it is
    // passed on as nobody's, and named if that is refused.
    let shown =
        credential::shown(request.method(), request.headers(), gateway.kit.config.door.session_cookie())?;
    let (signed, not_good) = match gateway.identities.of(shown, &target, request_id).await {
        Ok(signed) => (signed, None),
        Err(error) if NOT_GOOD.contains(&error.code()) => {
            (gateway.identities.of(None, &target, request_id).await?, Some(error))
        }
        Err(error) => return Err(error),
    };

    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().remove(header::COOKIE);
    request.headers_mut().insert(headers::IDENTITY, signed.value);
    if let Ok(id) = request_id.to_string().try_into() {
        request.headers_mut().insert(headers::REQUEST_ID, id);
    }
    let mut response = send(gateway, &target, limit, request).await?;
    let refused_as_nobody = response.headers().get(headers::CODE).is_some_and(|code| code == NOT_SIGNED_IN);
    if let Some(error) = not_good.filter(|_| refused_as_nobody) {
        return Err(error);
    }
    response.extensions_mut().insert(CalledBy(signed.caller));
    Ok(response)
}

async fn send(gateway: &Gateway, target: &Target, limit: usize, request: Request) -> Result<Response> {
    let transport = gateway.kit.clients.transport(target.service)?;
    let config = &gateway.kit.config;
    // What is large takes its time: the answer has to begin soon after the body's end, or after it has stalled.
    let large = limit > config.door.body_limit;
    let moved = Arc::new(AtomicBool::new(false));
    let moving = moved.clone();
    let request = request.map(|inner| {
        Body::new(Limited::new(inner, limit).map_frame(move |frame| {
            moving.store(true, Ordering::Relaxed);
            frame
        }))
    });
    let patience = Duration::from_secs(config.door.timeout);
    let mut sending = pin!(hosts::send(gateway, transport, request));
    let answered = loop {
        match tokio::time::timeout(patience, sending.as_mut()).await {
            Ok(answered) => break answered,
            Err(_) if large && moved.swap(false, Ordering::Relaxed) => {}
            Err(_) => return Err(slow(target)),
        }
    };
    let response = answered.map_err(|error| {
        if over_limit(&error) {
            return too_large(limit);
        }
        Error::unavailable("service-unavailable", format!("{} does not answer now", target.service))
            .help("try again in a moment")
            .because(error)
    })?;
    Ok(response)
}

/// The most that the body of a request to this path may hold: where content is uploaded, what its service takes.
fn body_limit(path: &str, config: &Config) -> usize {
    if registry::is_registry(path) {
        return usize::MAX;
    }
    if is_upload(path) {
        return usize::MAX;
    }
    config.door.body_limit
}

/// Whether a folder is uploaded at this path, to be built: `/builds/v1/tool/{tool}/sources`.
fn is_upload(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.strip_prefix("/builds/v1/tool/").and_then(|rest| rest.strip_suffix("/sources")).is_some()
}

fn slow(target: &Target) -> Error {
    Error::new(Kind::Timeout, "service-slow", format!("{} did not answer in time", target.service))
        .help("try again; if it stays so, tell whoever runs this Hearth")
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn over_limit(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<LengthLimitError>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

fn too_large(limit: usize) -> Error {
    Error::new(Kind::TooLarge, "body-too-large", format!("a request's body can hold {limit} bytes here"))
        .help("send less, or ask whoever runs this Hearth to raise door.body_limit")
}
