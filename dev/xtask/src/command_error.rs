//! The failure of a command itself, as opposed to findings in the files that it checked.

use std::fmt;

/// A message and the next step for the reader.
#[derive(Debug)]
pub struct CommandError {
    message: String,
    next: &'static str,
}

impl CommandError {
    /// `message` says what happened to which thing, `next` what the reader can do about it.
    pub fn new(message: impl Into<String>, next: &'static str) -> Self {
        Self { message: message.into(), next }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    {}", self.message, self.next)
    }
}
