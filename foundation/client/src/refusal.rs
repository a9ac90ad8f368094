//! Reading a refusal back into an [`Error`].

use hearth_base::{Error, Kind};
use hearth_wire::reply::Refusal;
use http::StatusCode;

/// The error that an unsuccessful answer means. What is no refusal of Hearth's (a proxy's page) is named as
/// such, never shown.
pub fn read(status: StatusCode, body: &[u8]) -> Error {
    let kind = kind(status);
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        return Error::new(
            kind,
            "strange-answer",
            format!("the server answered {status} and nothing Hearth says"),
        )
        .help("check that the address is that of a Hearth");
    };
    let mut sentences = refusal.error.into_iter().chain(refusal.messages.unwrap_or_default().error);
    let first = sentences.next().unwrap_or_else(|| format!("the server answered {status}"));
    let code = if refusal.code.is_empty() { "unknown".to_owned() } else { refusal.code };
    let mut error = Error::new(kind, code, first);
    for sentence in sentences {
        error = error.also(sentence);
    }
    if !refusal.request_id.is_empty() {
        error = error.in_request(refusal.request_id);
    }
    match refusal.help {
        Some(help) => error.help(help),
        None => error,
    }
}

fn kind(status: StatusCode) -> Kind {
    match status {
        StatusCode::UNAUTHORIZED => Kind::Unauthenticated,
        StatusCode::FORBIDDEN => Kind::Forbidden,
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
        StatusCode::CONFLICT => Kind::Conflict,
        StatusCode::PRECONDITION_FAILED => Kind::Stale,
        StatusCode::RANGE_NOT_SATISFIABLE => Kind::Range,
        StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
        StatusCode::UNPROCESSABLE_ENTITY => Kind::Unprocessable,
        StatusCode::TOO_MANY_REQUESTS => Kind::Exhausted,
        StatusCode::GATEWAY_TIMEOUT => Kind::Timeout,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable,
        other if other.is_client_error() => Kind::Invalid,
        _ => Kind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_hearths_is_never_shown() {
        let error = read(StatusCode::BAD_GATEWAY, b"<h1>\x1b[31mnginx</h1>");
        assert_eq!((error.code(), error.kind()), ("strange-answer", Kind::Unavailable));
        assert!(!error.public().contains("nginx"));
    }

    #[test]
    fn both_dialects_are_read() {
        for body in [r#"{"error":["no"],"code":"c"}"#, r#"{"messages":{"error":["no"]},"code":"c"}"#] {
            let error = read(StatusCode::CONFLICT, body.as_bytes());
            assert_eq!((error.public(), error.code(), error.kind()), ("no", "c", Kind::Conflict));
        }
    }
}
