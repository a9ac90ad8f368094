//! Writes a refusal in its service's dialect.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Kind};
use hearth_client::headers;
use hearth_wire::reply::{Messages, Refusal};

/// How a service's refusals look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `{"error": […]}`: `jobs`, `builds`, `envvars`.
    Named,
    /// `{"messages": {"error": […]}}`: `components`, `logs`, and every service that Toolforge does not have.
    Data,
}

/// The status that each kind of refusal means.
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer that tells a caller of `error`, beside the headers that `response` already has.
pub fn render(error: &Error, dialect: Dialect, request_id: &str, response: &Response) -> Response {
    let sentences: Vec<String> = error.sentences().map(str::to_owned).collect();
    let mut refusal = Refusal {
        code: error.code().to_owned(),
        request_id: request_id.to_owned(),
        help: error.next().map(str::to_owned),
        ..Refusal::default()
    };
    match dialect {
        Dialect::Named => refusal.error = sentences,
        Dialect::Data => refusal.messages = Some(Messages { error: sentences, ..Messages::default() }),
    }
    let mut rendered = (status(error.kind()), Json(refusal)).into_response();
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    if let Ok(code) = HeaderValue::from_str(error.code()) {
        rendered.headers_mut().insert(headers::CODE, code);
    }
    if error.kind() == Kind::Unauthenticated {
        let scheme = HeaderValue::from_static("Bearer realm=\"hearth\"");
        rendered.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    rendered
}
