//! One error for the whole system. It knows nothing of HTTP: the reply layer turns a [`Kind`] into a status.

use std::{borrow::Cow, fmt, sync::Arc};

/// The result of anything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of refusal an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The request cannot be understood or breaks a rule of form.
    Invalid,
    /// The request is well formed, and its content breaks a rule (failed validation of a document).
    Unprocessable,
    /// Nobody is signed in, or the credential is not good any more.
    Unauthenticated,
    /// The caller is known and has no right to this.
    Forbidden,
    /// There is no such thing, and the caller is entitled to know.
    NotFound,
    /// The path exists and does not take this method.
    MethodNotAllowed,
    /// The state of things does not allow this now.
    Conflict,
    /// `If-Match` names a version that is not the current one.
    Stale,
    /// A part was asked for that the thing does not have, or given that does not follow on what is there.
    Range,
    /// The body is larger than the endpoint takes.
    TooLarge,
    /// A quota or a rate limit is used up.
    Exhausted,
    /// A part of Hearth, or something it depends on, does not answer now; trying again may help.
    Unavailable,
    /// Something did not answer in time.
    Timeout,
    /// A defect of Hearth. The cause is in the log under the request's id.
    Internal,
}

/// A refusal: what happened to which thing, a stable code, what to do next, and an inner cause for the log.
///
/// The cause never leaves the process.
#[derive(Clone)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: Kind,
    code: Cow<'static, str>,
    public: String,
    more: Vec<String>,
    help: Option<String>,
    request: Option<String>,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a stable kebab-case `code` and a sentence that may be shown to anyone.
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, public: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                code: code.into(),
                public: public.into(),
                more: Vec::new(),
                help: None,
                request: None,
                cause: None,
            }),
        }
    }

    /// The request breaks a rule of form.
    pub fn invalid(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, public)
    }

    /// There is no `thing` called `name`. The code is `no-such-THING`.
    pub fn not_found(thing: &'static str, name: impl fmt::Display) -> Self {
        let code = format!("no-such-{}", thing.replace(' ', "-"));
        Self::new(Kind::NotFound, code, format!("there is no {thing} {name}"))
    }

    /// The state of things does not allow this now.
    pub fn conflict(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, public)
    }

    /// Nobody is signed in.
    pub fn unauthenticated(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(Kind::Unauthenticated, code, public)
    }

    /// The caller lacks the right.
    pub fn forbidden(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, code, public)
    }

    /// A part that is needed does not answer.
    pub fn unavailable(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, code, public)
    }

    /// A defect: the cause goes to the log, the caller learns only that it happened and the request's id.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal", "Hearth made a mistake with this request")
            .help("report the request id to whoever runs this Hearth")
            .because(cause)
    }

    /// What to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.inner.help = Some(help.into());
        self
    }

    /// One more sentence beside the first: the second refused field, for instance.
    #[must_use]
    pub fn also(mut self, public: impl Into<String>) -> Self {
        self.inner.more.push(public.into());
        self
    }

    /// The request it belongs to, when another process answered it.
    #[must_use]
    pub fn in_request(mut self, id: impl Into<String>) -> Self {
        self.inner.request = Some(id.into());
        self
    }

    /// The cause, for the log only.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.inner.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The sort of refusal.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.inner.code
    }

    /// The sentence for people.
    pub fn public(&self) -> &str {
        &self.inner.public
    }

    /// Every sentence for people, the first one first.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.public()).chain(self.inner.more.iter().map(String::as_str))
    }

    /// What to do next, when there is something to do.
    pub fn next(&self) -> Option<&str> {
        self.inner.help.as_deref()
    }

    /// The request it belongs to, when another process answered it.
    pub fn request(&self) -> Option<&str> {
        self.inner.request.as_deref()
    }

    /// The inner cause, for the log.
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
        let Inner { kind, code, public, more, help, request, cause } = &*self.inner;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("code", code)
            .field("public", public)
            .field("more", more)
            .field("help", help)
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
    fn a_cause_is_for_the_log_and_not_for_people() {
        let error = Error::internal(std::io::Error::other("disk on fire at /var/lib"));
        assert!(!error.to_string().contains("fire"));
        assert!(error.cause().is_some_and(|cause| cause.to_string().contains("fire")));
        assert_eq!(error.kind(), Kind::Internal);
    }
}
