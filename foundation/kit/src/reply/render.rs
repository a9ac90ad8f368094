//! Writes a refusal in its service's dialect.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, Kind};
use hearth_client::headers;
use hearth_wire::reply::{Messages, Refusal, RegistryDetail, RegistryError, RegistryRefusal};
use serde::{Deserialize, Serialize};

/// How a service's refusals look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `{"error": […]}`: `jobs`, `builds`, `envvars`.
    Named,
    /// `{"messages": {"error": […]}}`: `components`, `logs`, and every service that Toolforge does not have.
    Data,
    /// `{"errors": [{"code": …, "message": …}]}`: the registry (OCI distribution specification, "Error codes").
    Registry,
}

/// The status of a refusal. Where Toolforge's older services speak, what cannot be validated is a bad request.
pub fn status(kind: Kind, dialect: Dialect) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unprocessable if dialect == Dialect::Named => StatusCode::BAD_REQUEST,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::Range => StatusCode::RANGE_NOT_SATISFIABLE,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer that tells a caller of `error`, beside the headers that `response` already has.
pub fn render(error: &Error, dialect: Dialect, request_id: &str, response: &Response) -> Response {
    if dialect == Dialect::Registry {
        return registry(error, request_id, response);
    }
    let sentences: Vec<String> = error.sentences().map(str::to_owned).collect();
    let mut refusal = Refusal {
        code: error.code().to_owned(),
        request_id: request_id.to_owned(),
        help: error.next().map(str::to_owned),
        ..Refusal::default()
    };
    match dialect {
        Dialect::Named => refusal.error = sentences,
        Dialect::Data | Dialect::Registry => {
            refusal.messages = Some(Messages { error: sentences, ..Messages::default() });
        }
    }
    dressed(error, (status(error.kind(), dialect), Json(refusal)).into_response(), response)
}

/// `rendered` with the headers that the refusal had, and those that every refusal has.
fn dressed(error: &Error, mut rendered: Response, response: &Response) -> Response {
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
        rendered.headers_mut().entry(header::WWW_AUTHENTICATE).or_insert(scheme);
    }
    rendered
}

/// A refusal as registry clients read it.
fn registry(error: &Error, request_id: &str, response: &Response) -> Response {
    let mut message = error.sentences().collect::<Vec<_>>().join("; ");
    if let Some(next) = error.next() {
        message.push_str(&format!(" (next: {next})"));
    }
    let detail = RegistryDetail { code: error.code().to_owned(), request_id: request_id.to_owned() };
    let errors = vec![RegistryError { code: registry_code(error).to_owned(), message, detail }];
    let refusal = Json(RegistryRefusal { errors });
    dressed(error, (status(error.kind(), Dialect::Registry), refusal).into_response(), response)
}

/// The specification's own code where it has one for this, else what the first registries said.
fn registry_code(error: &Error) -> &'static str {
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
        (_, Kind::Unauthenticated) => "UNAUTHORIZED",
        (_, Kind::Forbidden) => "DENIED",
        (_, Kind::TooLarge) => "SIZE_INVALID",
        (_, Kind::Exhausted) => "TOOMANYREQUESTS",
        (_, Kind::MethodNotAllowed) => "UNSUPPORTED",
        (_, Kind::Unavailable | Kind::Timeout) => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}
