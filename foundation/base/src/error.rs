//! Common error type. It is independent of HTTP: the reply layer maps an [`ErrorKind`] to a status.

use std::{borrow::Cow, fmt, sync::Arc};

/// Result with the common error type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The request is malformed or breaks a syntax rule.
    Invalid,
    /// The request is well formed, and its content is invalid (failed validation of a document).
    Unprocessable,
    /// The request has no credential, or an invalid one.
    Unauthenticated,
    /// The caller lacks the right.
    Forbidden,
    /// The object does not exist, and the caller may know that.
    NotFound,
    /// The path exists and does not support this method.
    MethodNotAllowed,
    /// The current state does not allow the request.
    Conflict,
    /// `If-Match` names a version that is not the current one.
    Stale,
    /// The requested range does not exist, or an uploaded range does not follow the stored content.
    Range,
    /// The body exceeds the limit of the endpoint.
    TooLarge,
    /// A quota or a rate limit is exhausted.
    Exhausted,
    /// A part of Hearth, or one of its dependencies, does not respond; a retry may help.
    Unavailable,
    /// A response did not arrive in time.
    Timeout,
    /// A defect of Hearth. The log has the cause, under the id of the request.
    Internal,
}

impl ErrorKind {
    /// True if a part of Hearth has failed, rather than the request: a retry may succeed.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout | Self::Internal)
    }
}

/// Error: a message with its object, a stable code, the next step for the user, and an inner cause for the
/// log.
///
/// The cause never leaves the process.
#[derive(Clone)]
pub struct Error {
    inner: Box<ErrorData>,
}

#[derive(Clone)]
struct ErrorData {
    kind: ErrorKind,
    code: Cow<'static, str>,
    public: String,
    more: Vec<String>,
    help: Option<String>,
    suggestion: Option<String>,
    request: Option<String>,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Creates an error with a stable kebab-case `code` and a message that any caller may see.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, public: impl Into<String>) -> Self {
        Self {
            inner: Box::new(ErrorData {
                kind,
                code: code.into(),
                public: public.into(),
                more: Vec::new(),
                help: None,
                suggestion: None,
                request: None,
                cause: None,
            }),
        }
    }

    /// Creates an error of a malformed request.
    pub fn invalid(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, code, public)
    }

    /// Creates an error of a missing object: there is no `thing` called `name`. The code is `no-such-THING`.
    pub fn not_found(thing: &'static str, name: impl fmt::Display) -> Self {
        let code = format!("no-such-{}", thing.replace(' ', "-"));
        Self::new(ErrorKind::NotFound, code, format!("there is no {thing} {name}"))
    }

    /// Creates an error of a conflict with the current state.
    pub fn conflict(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, code, public)
    }

    /// Creates an error of a missing or invalid credential.
    pub fn unauthenticated(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, code, public)
    }

    /// Creates an error of a missing right.
    pub fn forbidden(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, code, public)
    }

    /// Creates an error of a dependency that does not respond.
    pub fn unavailable(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, code, public)
    }

    /// Creates an error of a defect: the log gets the cause, the caller gets only the id of the request.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Internal, "internal", "Hearth could not process this request")
            .help("report the request id to an operator of this Hearth")
            .with_cause(cause)
    }

    /// Sets the next step for the user.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.inner.help = Some(help.into());
        self
    }

    /// Sets a valid value in the place of the invalid one. It stays in this process; `help` says it to the user.
    #[must_use]
    pub fn with_suggestion(mut self, valid: impl Into<String>) -> Self {
        self.inner.suggestion = Some(valid.into());
        self
    }

    /// Adds another message, such as the second invalid field.
    #[must_use]
    pub fn and_message(mut self, public: impl Into<String>) -> Self {
        self.inner.more.push(public.into());
        self
    }

    /// Sets the id of the request, when another process created the error.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.inner.request = Some(id.into());
        self
    }

    /// Sets the cause, for the log only.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the stable code.
    pub fn code(&self) -> &str {
        &self.inner.code
    }

    /// Returns the first message for the user.
    pub fn public_message(&self) -> &str {
        &self.inner.public
    }

    /// Iterates over all messages for the user.
    pub fn public_messages(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.public_message()).chain(self.inner.more.iter().map(String::as_str))
    }

    /// Returns the next step for the user, if there is one.
    pub fn help_text(&self) -> Option<&str> {
        self.inner.help.as_deref()
    }

    /// Returns a valid value in the place of the invalid one, if there is one.
    pub fn suggested_value(&self) -> Option<&str> {
        self.inner.suggestion.as_deref()
    }

    /// Returns the id of the request, when another process created the error.
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request.as_deref()
    }

    /// Returns the inner cause, for the log.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.inner.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.public)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorData { kind, code, public, more, help, suggestion, request, cause } = &*self.inner;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("code", code)
            .field("public", public)
            .field("more", more)
            .field("help", help)
            .field("suggestion", suggestion)
            .field("request", request)
            .field("cause", cause)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.cause.as_ref().map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_stays_out_of_the_public_message() {
        let error = Error::internal(std::io::Error::other("disk on fire at /var/lib"));
        assert!(!error.to_string().contains("fire"));
        assert!(error.cause().is_some_and(|cause| cause.to_string().contains("fire")));
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}
