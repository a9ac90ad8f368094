//! Errors of the command-line parser as errors of this program.

use std::error::Error as _;

use clap::{
    CommandFactory,
    error::{ContextKind, ErrorKind},
};
use hearth_base::Error;

use crate::cli::Cli;

/// Returns true when the parser has only help or the version to print, also because a command is missing.
pub fn has_only_help(usage: &clap::Error) -> bool {
    matches!(
        usage.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingSubcommand
    )
}

/// Converts a parse error. `words` are those behind the program's name.
pub fn explain_usage_error(usage: &clap::Error, words: &[String]) -> Error {
    let text = |kind| usage.get(kind).map(|value| strip_usage_marks(&value.to_string())).unwrap_or_default();
    let path = find_command_path(words);
    let typed = text(ContextKind::InvalidArg);
    let error = match usage.kind() {
        ErrorKind::InvalidSubcommand => {
            let typed = text(ContextKind::InvalidSubcommand);
            let error = Error::invalid("no-such-command", format!("there is no command {path} {typed}"));
            let near = text(ContextKind::SuggestedSubcommand);
            if !near.is_empty() {
                return error.help(format!("{path} {near}"));
            }
            error
        }
        ErrorKind::UnknownArgument if typed.starts_with('-') => {
            Error::invalid("unknown-argument", format!("{path} has no flag {typed}"))
        }
        ErrorKind::UnknownArgument => {
            Error::invalid("unknown-argument", format!("{path} has no further argument: {typed:?}"))
        }
        ErrorKind::MissingRequiredArgument => {
            Error::invalid("missing-argument", format!("{path} needs {typed}"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            explain_value(usage, &typed, &text(ContextKind::InvalidValue))
        }
        ErrorKind::ArgumentConflict => {
            Error::invalid("conflicting-arguments", format!("{typed} is given twice"))
        }
        _ => {
            let text = usage.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Error::invalid("usage", first)
        }
    };
    error.help(format!("{path} --help"))
}

/// Explains a missing or invalid value of a flag or argument.
fn explain_value(usage: &clap::Error, flag: &str, value: &str) -> Error {
    if value.is_empty() {
        return Error::invalid("missing-value", format!("{flag} needs a value"));
    }
    let error = Error::invalid("invalid-value", format!("invalid value {value:?} for {flag}"));
    usage.source().into_iter().fold(error, |error, cause| error.and_message(cause.to_string()))
}

/// Finds the innermost command that is named.
fn find_command_path(words: &[String]) -> String {
    let mut command = Cli::command();
    let mut path = command.get_name().to_owned();
    for word in words.iter().take_while(|word| *word != "--") {
        if let Some(below) = command.find_subcommand(word) {
            path = format!("{path} {word}");
            command = below.clone();
        }
    }
    path
}

/// Strips usage marks: `--state <DIR>` becomes `--state`, `<NAME>` becomes `NAME`.
fn strip_usage_marks(text: &str) -> String {
    let word = if text.starts_with('-') { text.split([' ', '=']).next().unwrap_or(text) } else { text };
    word.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn explain_line(line: &str) -> (String, String) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let usage =
            Cli::try_parse_from(std::iter::once("hearthd".to_owned()).chain(words.clone())).unwrap_err();
        assert!(!has_only_help(&usage), "{usage}");
        let error = explain_usage_error(&usage, &words);
        (error.public_message().to_owned(), error.help_text().unwrap_or_default().to_owned())
    }

    #[test]
    fn typing_mistake_is_named_with_the_next_command() {
        for (line, message, help) in [
            ("upp", "there is no command hearthd upp", "hearthd up"),
            ("frobnicate", "there is no command hearthd frobnicate", "hearthd --help"),
            ("image bootstrapp", "there is no command hearthd image bootstrapp", "hearthd image bootstrap"),
            ("up --sate /x", "hearthd up has no flag --sate", "hearthd up --help"),
            ("up now", "hearthd up has no further argument: \"now\"", "hearthd up --help"),
            ("serve", "hearthd serve needs --roles", "hearthd serve --help"),
            ("up --state", "--state needs a value", "hearthd up --help"),
            ("up --state /x --state /y", "--state is given twice", "hearthd up --help"),
            ("runtime --caller me", "invalid value \"me\" for --caller", "hearthd runtime --help"),
        ] {
            assert_eq!(explain_line(line), (message.to_owned(), help.to_owned()), "{line}");
        }
    }

    #[test]
    fn help_version_and_a_missing_command_are_no_mistakes() {
        for words in [&["hearthd"][..], &["hearthd", "--help"], &["hearthd", "-V"], &["hearthd", "image"]] {
            assert!(has_only_help(&Cli::try_parse_from(words).unwrap_err()), "{words:?}");
        }
    }
}
