//! Parsing of error responses.

use hearth_base::{Error, ErrorKind};
use hearth_wire::reply::Refusal;
use http::StatusCode;

/// Converts an unsuccessful response into an error. A body that is not one of Hearth's (a proxy's page) is
/// reported as such and never shown.
pub fn parse_refusal(status: StatusCode, body: &[u8]) -> Error {
    let kind = find_error_kind(status);
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        return Error::new(
            kind,
            "invalid-response",
            format!("the server responded with {status} and an unknown body"),
        )
        .help("check that the address belongs to a Hearth");
    };
    let mut sentences = refusal.error.into_iter().chain(refusal.messages.unwrap_or_default().error);
    let first = sentences.next().unwrap_or_else(|| format!("the server responded with {status}"));
    let code = if refusal.code.is_empty() { "unknown".to_owned() } else { refusal.code };
    let mut error = Error::new(kind, code, first);
    for sentence in sentences {
        error = error.and_message(sentence);
    }
    if !refusal.request_id.is_empty() {
        error = error.with_request_id(refusal.request_id);
    }
    match refusal.help {
        Some(help) => error.help(help),
        None => error,
    }
}

fn find_error_kind(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorKind::MethodNotAllowed,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        StatusCode::PRECONDITION_FAILED => ErrorKind::Stale,
        StatusCode::RANGE_NOT_SATISFIABLE => ErrorKind::Range,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::TooLarge,
        StatusCode::UNPROCESSABLE_ENTITY => ErrorKind::Unprocessable,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Exhausted,
        StatusCode::GATEWAY_TIMEOUT => ErrorKind::Timeout,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
        other if other.is_client_error() => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_page_is_never_shown() {
        let error = parse_refusal(StatusCode::BAD_GATEWAY, b"<h1>\x1b[31mnginx</h1>");
        assert_eq!((error.code(), error.kind()), ("invalid-response", ErrorKind::Unavailable));
        assert!(!error.public_message().contains("nginx"));
    }

    #[test]
    fn refusals_in_both_dialects_are_parsed() {
        for body in [r#"{"error":["no"],"code":"c"}"#, r#"{"messages":{"error":["no"]},"code":"c"}"#] {
            let error = parse_refusal(StatusCode::CONFLICT, body.as_bytes());
            assert_eq!(
                (error.public_message(), error.code(), error.kind()),
                ("no", "c", ErrorKind::Conflict)
            );
        }
    }
}
