//! An [`Error`] on its way through the socket: all that may be shown, and not its cause.

use hearth_base::{Error, Kind};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    kind: String,
    code: String,
    sentences: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

const KINDS: [(&str, Kind); 14] = [
    ("invalid", Kind::Invalid),
    ("unprocessable", Kind::Unprocessable),
    ("unauthenticated", Kind::Unauthenticated),
    ("forbidden", Kind::Forbidden),
    ("not-found", Kind::NotFound),
    ("method-not-allowed", Kind::MethodNotAllowed),
    ("conflict", Kind::Conflict),
    ("stale", Kind::Stale),
    ("range", Kind::Range),
    ("too-large", Kind::TooLarge),
    ("exhausted", Kind::Exhausted),
    ("unavailable", Kind::Unavailable),
    ("timeout", Kind::Timeout),
    ("internal", Kind::Internal),
];

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let kind = KINDS.iter().find(|(_, kind)| *kind == error.kind()).map_or("internal", |(name, _)| name);
        Self {
            kind: kind.to_owned(),
            code: error.code().to_owned(),
            sentences: error.sentences().map(str::to_owned).collect(),
            help: error.next().map(str::to_owned),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let Failure { kind, code, sentences, help } = failure;
        let kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(Kind::Internal, |(_, kind)| *kind);
        let mut sentences = sentences.into_iter();
        let mut error = Self::new(kind, code, sentences.next().unwrap_or_default());
        for sentence in sentences {
            error = error.also(sentence);
        }
        match help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_arrives_without_its_cause() {
        let sent = Error::conflict("not-done", "one").also("two").help("wait").because("inner");
        let came = Error::from(Failure::from(&sent));
        assert_eq!((came.kind(), came.code(), came.next()), (Kind::Conflict, "not-done", Some("wait")));
        assert_eq!(came.sentences().collect::<Vec<_>>(), ["one", "two"]);
        assert!(came.cause().is_none());
    }
}
