//! What a check found: where, what, and what to do next.

use std::fmt;

/// Whether a finding stops the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A promise of the project is broken.
    Error,
    /// Not broken yet.
    Warning,
}

/// One thing to put right.
#[derive(Debug)]
pub struct Finding {
    /// Whether it stops the work.
    pub severity: Severity,
    /// The file, from the root of the repository; a package's name for what is not ours.
    pub path: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub next: String,
}

impl Finding {
    /// A broken promise.
    pub fn error(path: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        let (path, message, next) = (path.into(), message.into(), next.into());
        Self { severity: Severity::Error, path, line: None, message, next }
    }

    /// Something that is going to break a promise.
    pub fn warning(path: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, message, next) }
    }

    /// The same finding with its line, counted from 1.
    pub fn at(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, path, line, message, next } = self;
        let severity = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{path}:")?;
        if let Some(line) = line {
            write!(f, "{line}:")?;
        }
        write!(f, " {severity}: {message}\n    {next}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_place_message_and_next_step() {
        let finding = Finding::error("a.rs", "it is broken", "mend it").at(3);
        assert_eq!(finding.to_string(), "a.rs:3: error: it is broken\n    mend it");
        let finding = Finding::warning("a.rs", "it creaks", "oil it");
        assert_eq!(finding.to_string(), "a.rs: warning: it creaks\n    oil it");
    }
}
