//! A finding of a check: place, problem and next step.

use std::fmt;

/// The effect of a finding on the result of `tidy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A rule of the project is broken: `tidy` fails.
    Error,
    /// A rule is nearly broken: `tidy` passes.
    Warning,
}

/// One problem in one place.
#[derive(Debug)]
pub struct Finding {
    /// The effect on the result of `tidy`.
    pub severity: Severity,
    /// The file, from the root of the repository; for a dependency, the name of its package.
    pub path: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The problem.
    pub message: String,
    /// The next step.
    pub next: String,
}

impl Finding {
    /// Creates a finding about a broken rule.
    pub fn error(path: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        let (path, message, next) = (path.into(), message.into(), next.into());
        Self { severity: Severity::Error, path, line: None, message, next }
    }

    /// Creates a finding about a nearly broken rule.
    pub fn warning(path: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, message, next) }
    }

    /// Sets the line, counted from 1.
    pub fn at_line(self, line: usize) -> Self {
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
    fn finding_is_displayed_as_place_message_and_next_step() {
        let finding = Finding::error("a.rs", "it is broken", "mend it").at_line(3);
        assert_eq!(finding.to_string(), "a.rs:3: error: it is broken\n    mend it");
        let finding = Finding::warning("a.rs", "it creaks", "oil it");
        assert_eq!(finding.to_string(), "a.rs: warning: it creaks\n    oil it");
    }
}
