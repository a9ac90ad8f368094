//! Passes a request on to the service that its path names, and the answer back, both as streams.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Kind, RequestId, Result, Role};
use hearth_client::headers;
use hearth_kit::{Refused, guard::NOT_SIGNED_IN, route::AnsweredBy};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{Gateway, credential, hosts, registry, routes::Route};

/// Who called, for the line in the log.
#[derive(Debug, Clone)]
pub struct CalledBy(pub String);

/// What `accounts` says of a credential that is not good. Any other refusal of its is about the gateway itself.
const NOT_GOOD: [&str; 2] = ["credential-refused", "code-is-no-token"];

/// Answers everything that is not the gateway's own.
pub async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let route = match gateway.routes.find(request.method(), request.uri().path()).await {
        Ok(Some(route)) => route,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => return Refused(error).into_response(),
    };
    let prefix = route.prefix.clone();
    let challenge = prefix.token_flow.as_deref().and_then(|token_path| {
        registry::challenge(&gateway.kit.config.door, token_path, request.uri().path(), request.headers())
    });
    let mut response = match answer_request(&gateway, route, request).await {
        Ok(response) => response,
        Err(error) => Refused(error).into_response(),
    };
    // Refusals of the gateway's own are written by its entry, and look as the service's do.
    if let Some(dialect) = prefix.dialect {
        response.extensions_mut().insert(dialect);
    }
    if let Some(challenge) = challenge.filter(|_| response.status() == StatusCode::UNAUTHORIZED) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn answer_request(gateway: &Gateway, mut route: Route, request: Request) -> Result<Response> {
    let length = announced(request.headers()).unwrap_or_default();
    if length > route.body_limit as u64 {
        gateway.routes.refresh_routes(route.service).await;
        route = gateway.routes.find(request.method(), request.uri().path()).await?.unwrap_or(route);
        if length > route.body_limit as u64 {
            return Err(too_large(route.body_limit));
        }
    }
    let request_id = *request
        .extensions()
        .get::<RequestId>()
        .ok_or_else(|| Error::internal("a request without an id behind the entry"))?;
    match route.answered_by {
        Some(AnsweredBy::TokenExchange) => {
            registry::exchange_token(gateway, route.service, request_id, request.headers()).await
        }
        None => pass_on(gateway, &route, request_id, request).await,
    }
}

async fn pass_on(
    gateway: &Gateway,
    route: &Route,
    request_id: RequestId,
    mut request: Request,
) -> Result<Response> {
    // A credential that is not good does not stand in the way of what anyone may do (signing in, say): it is
    // passed on as nobody's, and named if that is refused.
    let shown =
        credential::shown(request.method(), request.headers(), gateway.kit.config.door.session_cookie())?;
    let (service, tool) = (route.service, route.tool.as_deref());
    let (signed, not_good) = match gateway.identities.sign_identity(shown, service, tool, request_id).await {
        Ok(signed) => (signed, None),
        Err(error) if NOT_GOOD.contains(&error.code()) => {
            (gateway.identities.sign_identity(None, service, tool, request_id).await?, Some(error))
        }
        Err(error) => return Err(error),
    };

    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().remove(header::COOKIE);
    request.headers_mut().insert(headers::IDENTITY, signed.value);
    if let Ok(id) = request_id.to_string().try_into() {
        request.headers_mut().insert(headers::REQUEST_ID, id);
    }
    let sent = send_limited(gateway, route, request).await;
    if sent.as_ref().is_err_and(|error| error.kind() == Kind::TooLarge) {
        // Its length was not announced, and it cannot be read twice: the caller's next attempt has the limit of now.
        gateway.routes.refresh_routes(service).await;
    }
    let mut response = sent?;
    if let Some(release) = response.headers_mut().remove(headers::DOCUMENT) {
        gateway.routes.note_release(service, &release);
    }
    let refused_as_nobody = response.headers().get(headers::CODE).is_some_and(|code| code == NOT_SIGNED_IN);
    if let Some(error) = not_good.filter(|_| refused_as_nobody) {
        return Err(error);
    }
    response.extensions_mut().insert(CalledBy(signed.caller));
    Ok(response)
}

async fn send_limited(gateway: &Gateway, route: &Route, request: Request) -> Result<Response> {
    let Route { service, body_limit, streaming, time_limit, .. } = *route;
    let transport = gateway.kit.clients.transport(service)?;
    let moved = Arc::new(AtomicBool::new(false));
    let moving = moved.clone();
    let request = request.map(|inner| {
        Body::new(Limited::new(inner, body_limit).map_frame(move |frame| {
            moving.store(true, Ordering::Relaxed);
            frame
        }))
    });
    let mut sending = pin!(hosts::send(gateway, transport, request));
    let answered = loop {
        match tokio::time::timeout(time_limit, sending.as_mut()).await {
            Ok(answered) => break answered,
            // What is large takes its time: the answer has to begin soon after the body's end, or after it has stalled.
            Err(_) if streaming && moved.swap(false, Ordering::Relaxed) => {}
            Err(_) => return Err(too_slow(service)),
        }
    };
    answered.map_err(|error| {
        if over_limit(&error) {
            return too_large(body_limit);
        }
        Error::unavailable("service-unavailable", format!("{service} does not answer now"))
            .help("try again in a moment")
            .because(error)
    })
}

fn too_slow(service: Role) -> Error {
    Error::new(Kind::Timeout, "service-slow", format!("{service} did not answer in time"))
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
        .help("send less, or ask whoever runs this Hearth to raise the limit")
}
