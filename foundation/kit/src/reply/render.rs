//! Rendering of errors in the dialect of a service.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, ErrorKind};
use hearth_client::headers;
use hearth_wire::reply::{Messages, Refusal, RegistryDetail, RegistryError, RegistryRefusal};
use serde::{Deserialize, Serialize};

/// Format of a service's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `{"error": […]}`: `jobs`, `builds`, `envvars`.
    Named,
    /// `{"messages": {"error": […]}}`: `components`, `logs`, and the services that do not exist in Toolforge.
    Data,
    /// `{"errors": [{"code": …, "message": …}]}`: the registry (OCI distribution specification, "Error codes").
    Registry,
}

/// Maps an error kind to an HTTP status. In the dialect of Toolforge's older services, failed validation is 400.
pub fn map_status(kind: ErrorKind, dialect: Dialect) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unprocessable if dialect == Dialect::Named => StatusCode::BAD_REQUEST,
        ErrorKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Stale => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Range => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Renders the response for `error`; the headers of `response` are kept.
pub fn render_refusal(error: &Error, dialect: Dialect, request_id: &str, response: &Response) -> Response {
    if dialect == Dialect::Registry {
        return render_registry_refusal(error, request_id, response);
    }
    let sentences: Vec<String> = error.public_messages().map(str::to_owned).collect();
    let mut refusal = Refusal {
        code: error.code().to_owned(),
        request_id: request_id.to_owned(),
        help: error.help_text().map(str::to_owned),
        ..Refusal::default()
    };
    match dialect {
        Dialect::Named => refusal.error = sentences,
        Dialect::Data | Dialect::Registry => {
            refusal.messages = Some(Messages { error: sentences, ..Messages::default() });
        }
    }
    add_refusal_headers(error, (map_status(error.kind(), dialect), Json(refusal)).into_response(), response)
}

/// Adds the headers of the original response and those of every error to `rendered`.
fn add_refusal_headers(error: &Error, mut rendered: Response, response: &Response) -> Response {
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    if let Ok(code) = HeaderValue::from_str(error.code()) {
        rendered.headers_mut().insert(headers::ERROR_CODE_HEADER, code);
    }
    if error.kind() == ErrorKind::Unauthenticated {
        let scheme = HeaderValue::from_static("Bearer realm=\"hearth\"");
        rendered.headers_mut().entry(header::WWW_AUTHENTICATE).or_insert(scheme);
    }
    rendered
}

/// Renders an error for registry clients.
fn render_registry_refusal(error: &Error, request_id: &str, response: &Response) -> Response {
    let mut message = error.public_messages().collect::<Vec<_>>().join("; ");
    if let Some(next) = error.help_text() {
        message.push_str(&format!(" (next: {next})"));
    }
    let detail = RegistryDetail { code: error.code().to_owned(), request_id: request_id.to_owned() };
    let errors = vec![RegistryError { code: map_registry_code(error).to_owned(), message, detail }];
    let refusal = Json(RegistryRefusal { errors });
    add_refusal_headers(
        error,
        (map_status(error.kind(), Dialect::Registry), refusal).into_response(),
        response,
    )
}

/// Maps an error to a code of the OCI distribution specification, or to one of Docker's registry where it has none.
fn map_registry_code(error: &Error) -> &'static str {
    match (error.code(), error.kind()) {
        ("blob-unknown", _) => "BLOB_UNKNOWN",
        ("blob-upload-invalid", _) => "BLOB_UPLOAD_INVALID",
        ("blob-upload-unknown", _) => "BLOB_UPLOAD_UNKNOWN",
        ("digest" | "digest-invalid", _) => "DIGEST_INVALID",
        ("manifest-blob-unknown", _) => "MANIFEST_BLOB_UNKNOWN",
        ("manifest-invalid", _) => "MANIFEST_INVALID",
        ("manifest-unknown", _) => "MANIFEST_UNKNOWN",
        ("name-invalid", _) => "NAME_INVALID",
        ("name-unknown", _) => "NAME_UNKNOWN",
        (_, ErrorKind::Unauthenticated) => "UNAUTHORIZED",
        (_, ErrorKind::Forbidden) => "DENIED",
        (_, ErrorKind::TooLarge) => "SIZE_INVALID",
        (_, ErrorKind::Exhausted) => "TOOMANYREQUESTS",
        (_, ErrorKind::MethodNotAllowed) => "UNSUPPORTED",
        (_, ErrorKind::Unavailable | ErrorKind::Timeout) => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}
