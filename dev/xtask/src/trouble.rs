//! Why a command could not do its work at all, as opposed to having found something to put right.

use std::fmt;

/// What happened, and what to do next.
#[derive(Debug)]
pub struct Trouble {
    message: String,
    next: &'static str,
}

impl Trouble {
    /// `message` says what happened to which thing, `next` what the reader can do about it.
    pub fn new(message: impl Into<String>, next: &'static str) -> Self {
        Self { message: message.into(), next }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    {}", self.message, self.next)
    }
}
