//! A finding of a check: place, problem and next step.

use std::fmt;

/// The effect of a finding on the verdict.
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
    /// The effect on the verdict.
    pub severity: Severity,
    /// The file, from the root of the repository; a package's name for what is not ours.
    pub path: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The problem.
    pub message: String,
    /// The next step.
    pub next: String,
}

impl Finding {
    /// A broken rule.
    pub fn error(path: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        let (path, message, next) = (path.into(), message.into(), next.into());
        Self { severity: Severity::Error, path, line: None, message, next }
    }

    /// A rule that is nearly broken.
    pub fn warning(path: impl Into<String>, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, message, next) }
    }

    /// The same finding with its line, counted from 1.
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
    fn a_finding_reads_as_place_message_and_next_step() {
        let finding = Finding::error("a.rs", "it is broken", "mend it").at_line(3);
        assert_eq!(finding.to_string(), "a.rs:3: error: it is broken\n    mend it");
        let finding = Finding::warning("a.rs", "it creaks", "oil it");
        assert_eq!(finding.to_string(), "a.rs: warning: it creaks\n    oil it");
    }
}
