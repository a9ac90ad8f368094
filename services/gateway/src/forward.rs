//! Forwards a request to the service in its path, and the response back, both as streams.

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
use hearth_base::{Error, ErrorKind, RequestId, Result, Role};
use hearth_client::headers;
use hearth_kit::{
    ApiError, client_address, guard::NOT_SIGNED_IN, route::AnsweredBy, server::ConnectionHandle,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{
    Gateway,
    access_watch::{self, WatchedCaller},
    credential, front_page, hosts,
    refusals::{self, AuditedRequest},
    registry,
    request_caller::RequestCaller,
    routes::MatchedRoute,
};

/// Name of the caller, for the log line.
#[derive(Debug, Clone)]
pub struct CallerLabel(pub String);

/// Handles every request except those for the gateway's own endpoints.
pub async fn forward_request(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let route = match gateway.routes.find_route(request.method(), request.uri().path()).await {
        Ok(Some(route)) => route,
        Ok(None) => return front_page::answer_unknown_path(&gateway.kit.config.door, &request),
        Err(error) => return ApiError(error).into_response(),
    };
    let prefix = route.prefix.clone();
    let challenge = prefix.token_flow.as_deref().and_then(|token_path| {
        registry::build_challenge(
            &gateway.kit.config.door,
            token_path,
            request.uri().path(),
            request.headers(),
        )
    });
    let mut response = match answer_request(&gateway, route, request).await {
        Ok(response) => response,
        Err(error) => ApiError(error).into_response(),
    };
    // The gateway's own errors have the dialect of the service in the path.
    if let Some(dialect) = prefix.dialect {
        response.extensions_mut().insert(dialect);
    }
    if let Some(challenge) = challenge.filter(|_| response.status() == StatusCode::UNAUTHORIZED) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn answer_request(
    gateway: &Arc<Gateway>,
    mut route: MatchedRoute,
    mut request: Request,
) -> Result<Response> {
    let length = read_content_length(request.headers()).unwrap_or_default();
    if length > route.body_limit as u64 {
        gateway.routes.refresh_routes(route.service).await;
        route = gateway.routes.find_route(request.method(), request.uri().path()).await?.unwrap_or(route);
        if length > route.body_limit as u64 {
            return Err(build_too_large_error(route.body_limit));
        }
    }
    let request_id =
        *request.extensions().get::<RequestId>().ok_or_else(|| Error::internal("the request has no id"))?;
    let door = &gateway.kit.config.door;
    // Removed whatever else the request has: the service and its traces do not see it.
    let in_query = route
        .deploy_token_parameter
        .as_deref()
        .and_then(|parameter| credential::take_query_credential(request.uri_mut(), parameter));
    let secret = match route.answered_by {
        // Only the header counts: a browser's session stays in its cookie, where no page can read it.
        Some(AnsweredBy::TokenExchange) => credential::read_authorization(request.headers())?,
        None => match in_query.filter(|_| !request.headers().contains_key(header::AUTHORIZATION)) {
            Some(secret) => Some(secret),
            None => credential::read_credential(request.method(), request.headers(), door.session_cookie())?,
        },
    };
    let client = client_address::find_client_address(door, &request);
    let caller = match RequestCaller::admit_caller(gateway, &route, request_id, secret, client).await? {
        Ok(caller) => caller,
        Err(exceeded) => return Ok(exceeded.build_refusal()),
    };
    let limit = caller.limit;
    let mut response = match route.answered_by {
        Some(AnsweredBy::TokenExchange) => registry::exchange_token(caller),
        None => send_as_caller(gateway, &route, request_id, caller, request).await,
    };
    if let (Ok(response), Some(limit)) = (&mut response, limit) {
        limit.write_headers(response.headers_mut());
    }
    response
}

async fn send_as_caller(
    gateway: &Arc<Gateway>,
    route: &MatchedRoute,
    request_id: RequestId,
    caller: RequestCaller,
    mut request: Request,
) -> Result<Response> {
    let RequestCaller { secret, signed, invalid_credential, client, limit: _ } = caller;
    let service = route.service;
    let audited = AuditedRequest {
        id: request_id,
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        tool: route.tool.clone(),
        client,
    };
    if let Some(client) = client.and_then(|client| client.to_string().try_into().ok()) {
        request.headers_mut().insert(headers::CLIENT_ADDRESS_HEADER, client);
    }
    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().remove(header::COOKIE);
    request.headers_mut().insert(headers::IDENTITY_HEADER, signed.value.clone());
    if let Ok(id) = request_id.to_string().try_into() {
        request.headers_mut().insert(headers::REQUEST_ID_HEADER, id);
    }
    let connection = request.extensions().get::<ConnectionHandle>().cloned();
    let sent = send_limited(gateway, route, request).await;
    if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::TooLarge) {
        // The body had no announced length and cannot be sent twice: the refreshed limit applies to the next
        // attempt.
        gateway.routes.refresh_routes(service).await;
    }
    let mut response = sent?;
    if let Some(release) = response.headers_mut().remove(headers::DOCUMENT_RELEASE_HEADER) {
        gateway.routes.note_release(service, &release);
    }
    let refused_as_anonymous =
        response.headers().get(headers::ERROR_CODE_HEADER).is_some_and(|code| code == NOT_SIGNED_IN);
    if let Some(error) = invalid_credential.filter(|_| refused_as_anonymous) {
        return Err(error);
    }
    let code = response.headers().get(headers::ERROR_CODE_HEADER).and_then(|code| code.to_str().ok());
    let (status, code) = (response.status(), code.map(str::to_owned));
    refusals::record_refusal(gateway, audited, &signed.caller, status, code.as_deref()).await;
    response.extensions_mut().insert(CallerLabel(signed.caller.clone()));
    Ok(match secret {
        Some(secret) => {
            let tool = route.tool.clone();
            let caller = WatchedCaller { secret, service, tool, request: request_id, signed };
            access_watch::watch_response(gateway, caller, connection, response)
        }
        None => response,
    })
}

async fn send_limited(gateway: &Gateway, route: &MatchedRoute, request: Request) -> Result<Response> {
    let MatchedRoute { service, body_limit, streaming, time_limit, .. } = *route;
    let transport = gateway.kit.clients.find_transport(service)?;
    let has_progress = Arc::new(AtomicBool::new(false));
    let moving = has_progress.clone();
    let request = request.map(|inner| {
        Body::new(Limited::new(inner, body_limit).map_frame(move |frame| {
            moving.store(true, Ordering::Relaxed);
            frame
        }))
    });
    let mut sending = pin!(hosts::proxy_request(gateway, transport, request));
    let answered = loop {
        match tokio::time::timeout(time_limit, sending.as_mut()).await {
            Ok(answered) => break answered,
            // A large body takes long: the time limit applies after its end, or to a stall.
            Err(_) if streaming && has_progress.swap(false, Ordering::Relaxed) => {}
            Err(_) => return Err(build_timeout_error(service)),
        }
    };
    answered.map_err(|error| {
        if is_over_limit(&error) {
            return build_too_large_error(body_limit);
        }
        Error::unavailable("service-unavailable", format!("{service} does not respond"))
            .help("try again in a moment")
            .with_cause(error)
    })
}

fn build_timeout_error(service: Role) -> Error {
    Error::new(ErrorKind::Timeout, "service-timeout", format!("{service} did not respond in time"))
        .help("try again; if the error persists, report it to an operator of this Hearth")
}

fn read_content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_over_limit(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<LengthLimitError>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

fn build_too_large_error(limit: usize) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "body-too-large",
        format!("the request body is too large; at most {limit} bytes"),
    )
    .help("send less, or ask an operator of this Hearth for a higher limit")
}
