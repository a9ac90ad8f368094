//! Transfer of an [`Error`] over the socket: its public parts, without the cause.

use hearth_base::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorMessage {
    kind: String,
    code: String,
    sentences: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

const KIND_NAMES: [(&str, ErrorKind); 14] = [
    ("invalid", ErrorKind::Invalid),
    ("unprocessable", ErrorKind::Unprocessable),
    ("unauthenticated", ErrorKind::Unauthenticated),
    ("forbidden", ErrorKind::Forbidden),
    ("not-found", ErrorKind::NotFound),
    ("method-not-allowed", ErrorKind::MethodNotAllowed),
    ("conflict", ErrorKind::Conflict),
    ("stale", ErrorKind::Stale),
    ("range", ErrorKind::Range),
    ("too-large", ErrorKind::TooLarge),
    ("exhausted", ErrorKind::Exhausted),
    ("unavailable", ErrorKind::Unavailable),
    ("timeout", ErrorKind::Timeout),
    ("internal", ErrorKind::Internal),
];

impl From<&Error> for ErrorMessage {
    fn from(error: &Error) -> Self {
        let kind =
            KIND_NAMES.iter().find(|(_, kind)| *kind == error.kind()).map_or("internal", |(name, _)| name);
        Self {
            kind: kind.to_owned(),
            code: error.code().to_owned(),
            sentences: error.public_messages().map(str::to_owned).collect(),
            help: error.help_text().map(str::to_owned),
        }
    }
}

impl From<ErrorMessage> for Error {
    fn from(failure: ErrorMessage) -> Self {
        let ErrorMessage { kind, code, sentences, help } = failure;
        let kind =
            KIND_NAMES.iter().find(|(name, _)| *name == kind).map_or(ErrorKind::Internal, |(_, kind)| *kind);
        let mut sentences = sentences.into_iter();
        let mut error = Self::new(kind, code, sentences.next().unwrap_or_default());
        for sentence in sentences {
            error = error.and_message(sentence);
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
        let original = Error::conflict("not-done", "one").and_message("two").help("wait").with_cause("inner");
        let received = Error::from(ErrorMessage::from(&original));
        assert_eq!(
            (received.kind(), received.code(), received.help_text()),
            (ErrorKind::Conflict, "not-done", Some("wait"))
        );
        assert_eq!(received.public_messages().collect::<Vec<_>>(), ["one", "two"]);
        assert!(received.cause().is_none());
    }
}
