//! Errors of upstreams.

use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};
use hearth_base::{Error, ErrorKind};

use super::Upstream;

/// Seconds after which an upstream answers again, as it says: cause of an `upstream-rate-limit` error.
#[derive(Debug, Clone, Copy)]
pub struct RetryAfter(pub u64);

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the upstream answers again in {} seconds", self.0)
    }
}

impl std::error::Error for RetryAfter {}

/// Longest time that is passed on to clients, in seconds.
const MAX_RETRY_SECONDS: u64 = 24 * 3600;

/// True if an upstream did not answer the request, so that a stored image may be served in its place: it does not respond, it has an
/// error, or it has had enough requests.
pub fn is_upstream_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Exhausted)
}

/// Builds the error for an answer that no registry gives.
pub fn build_invalid_answer_error(upstream: &Upstream<'_>, why: &str) -> Error {
    Error::unavailable(
        "upstream-invalid",
        format!("the upstream registry {} is invalid: {why}", upstream.name),
    )
    .help("ask an operator of this Hearth to look at images.upstreams")
}

/// Builds the error for an answer with a status other than success. `wanted` is the requested image, blob or list.
pub fn build_status_error(
    upstream: &Upstream<'_>,
    wanted: &str,
    unknown_code: &'static str,
    (status, headers): (StatusCode, &HeaderMap),
) -> Error {
    let name = upstream.name;
    match status {
        StatusCode::NOT_FOUND => {
            let what = format!("the upstream registry {name} has no {wanted}");
            Error::new(ErrorKind::NotFound, unknown_code, what)
                .help("compare the name and the tag with the registry's")
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let what =
                format!("the upstream registry {name} refuses {wanted}: it does not exist, or is not public");
            Error::forbidden("upstream-refused", what).help(format!(
                "compare the name; an operator of this Hearth sets the sign-in in images.upstreams.{name}"
            ))
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds =
                headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let seconds = seconds.unwrap_or(60_u64).clamp(1, MAX_RETRY_SECONDS);
            let what = format!("the upstream registry {name} has had too many requests of this Hearth");
            Error::new(ErrorKind::Exhausted, "upstream-rate-limit", what)
                .help(format!("try again in {seconds} seconds"))
                .with_cause(RetryAfter(seconds))
        }
        _ => {
            let what = format!("the upstream registry {name} has an error: status {}", status.as_u16());
            Error::unavailable("upstream-unavailable", what).help("try again in a moment")
        }
    }
}

/// Builds the error for an upstream that could not be asked: `cause` is the error of the outbound rules, which says why.
pub fn build_unreachable_error(upstream: &Upstream<'_>, cause: Error) -> Error {
    let what = format!("the upstream registry {} cannot be reached: {cause}", upstream.name);
    let help = cause.help_text().unwrap_or("try again in a moment").to_owned();
    Error::new(cause.kind(), cause.code().to_owned(), what).help(help).with_cause(cause)
}
