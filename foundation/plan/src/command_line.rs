//! Command lines that a source declares.

use crate::procfile::MAX_COMMAND_BYTES;

/// The shell of declared commands.
const COMMAND_SHELL: &str = "/bin/sh";

/// One command line without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    /// Parses a command line. The error is a sentence without its subject.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            Err("is empty")
        } else if text.len() > MAX_COMMAND_BYTES {
            Err("is too long: put it into a script")
        } else if text.chars().any(|symbol| symbol.is_control() && symbol != '\t') {
            Err("is not one line of text")
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// Renders it as arguments of a shell, in the JSON form of `RUN` (Containerfile(5)).
    pub fn render_as_json(&self) -> String {
        serde_json::json!([COMMAND_SHELL, "-c", self.0]).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_command_stays_one_instruction() -> Result<(), &'static str> {
        for text in ["echo \"a\" 'b' \\", "$(id) `id` #", "a\tb", "\u{2028}RUN b"] {
            let rendered = CommandLine::parse(text)?.render_as_json();
            assert_eq!(rendered.lines().count(), 1);
            let back: Vec<String> = serde_json::from_str(&rendered).unwrap_or_default();
            assert_eq!(back.last().map(String::as_str), Some(text.trim()));
        }
        assert!(CommandLine::parse("a\nRUN b").is_err() && CommandLine::parse(" ").is_err());
        Ok(())
    }
}
