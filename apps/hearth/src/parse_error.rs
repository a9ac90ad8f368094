//! Errors of the command-line parser as errors of this program.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use hearth_base::Error;

use crate::{command_line::CommandLine, nearest::find_nearest, synonyms::find_synonym};

/// Returns true for help and version: these are results.
pub fn is_help_or_version(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// Returns true when a group of commands is named without a command.
pub fn lacks_subcommand(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand)
}

/// Converts a parse error, with the most similar valid command as help.
pub fn explain_parse_error(error: &clap::Error, command_line: &CommandLine) -> Error {
    let text = |kind| error.get(kind).map(to_plain_text);
    let command = find_typed_command(command_line);
    let help = format!("{} -h", command.path);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let typed = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let candidates = command.subcommands.iter().map(String::as_str);
            let near = || {
                find_nearest(&typed, candidates).and_then(|near| command_line.with_replacement(&typed, near))
            };
            let near = find_synonym(&command.path, &typed).map(str::to_owned).or_else(near);
            Error::invalid("no-such-command", format!("there is no command {} {typed}", command.path))
                .and_message(format!("The commands are {}.", command.subcommands.join(", ")))
                .help(near.unwrap_or(help))
        }
        ErrorKind::UnknownArgument => {
            let typed = text(ContextKind::InvalidArg).unwrap_or_default();
            let sentence = if typed.starts_with('-') {
                format!("{} has no flag {typed}", command.path)
            } else {
                format!("{} has no further argument: {typed:?}", command.path)
            };
            let error = Error::invalid("unknown-argument", sentence);
            match text(ContextKind::SuggestedArg) {
                Some(near) if near.ends_with("-stdin") => error
                    .and_message("A secret is not an argument: other users of this machine could see it.")
                    .help(format!("{} {near}", command.path)),
                Some(near) => error.help(command_line.with_replacement(&typed, &near).unwrap_or(help)),
                None => error.help(help),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = text(ContextKind::InvalidArg).unwrap_or_default();
            Error::invalid("missing-argument", format!("{} needs {missing}", command.path))
                .help(command.example.unwrap_or(help))
        }
        ErrorKind::InvalidValue => {
            let (flag, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
            let (flag, value) = (flag.unwrap_or_default(), value.unwrap_or_default());
            let allowed = text(ContextKind::ValidValue).unwrap_or_default();
            if value.is_empty() {
                return Error::invalid("missing-value", format!("{flag} needs a value")).help(help);
            }
            let near = find_nearest(&value, allowed.split(", "))
                .and_then(|near| command_line.with_replacement(&value, near));
            Error::invalid("invalid-value", format!("invalid value {value:?} for {flag}"))
                .and_message(format!("The values are {allowed}."))
                .help(near.unwrap_or(help))
        }
        ErrorKind::ValueValidation => {
            let typed = text(ContextKind::InvalidValue).unwrap_or_default();
            match error.source().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(inner) => {
                    match inner
                        .suggested_value()
                        .and_then(|right| command_line.with_replacement(&typed, right))
                    {
                        Some(command) => inner.clone().help(command),
                        None => add_advice_sentence(inner).help(help),
                    }
                }
                None => {
                    let flag = text(ContextKind::InvalidArg).unwrap_or_default();
                    let sentence = format!("invalid value {typed:?} for {flag}");
                    Error::invalid("invalid-value", sentence).help(help)
                }
            }
        }
        ErrorKind::ArgumentConflict => {
            let (one, other) = (text(ContextKind::InvalidArg), text(ContextKind::PriorArg));
            let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
            let sentence = if one == other {
                format!("{one} is given twice")
            } else {
                format!("{one} and {other} cannot be combined")
            };
            Error::invalid("conflicting-arguments", sentence).help(help)
        }
        _ => Error::invalid("usage", first_line(&error.to_string())).help(help),
    }
}

/// The innermost known command on the command line.
struct TypedCommand {
    path: String,
    subcommands: Vec<String>,
    example: Option<String>,
}

fn find_typed_command(command_line: &CommandLine) -> TypedCommand {
    let mut command = command_line.find_tree();
    let mut path = "hearth".to_owned();
    for word in command_line.words_before_separator() {
        if let Some(below) = command.find_subcommand(word) {
            path = format!("{path} {word}");
            command = below;
        }
    }
    let example = command.get_before_help().map(ToString::to_string);
    TypedCommand {
        path,
        subcommands: command.get_subcommands().map(|below| below.get_name().to_owned()).collect(),
        example: example.and_then(|example| example.strip_prefix("Example: ").map(str::to_owned)),
    }
}

/// Converts a value of a parse error to text without usage marks.
fn to_plain_text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => strip_usage_marks(text),
        ContextValue::Strings(texts) => {
            texts.iter().map(|text| strip_usage_marks(text)).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Strips usage marks: `--tool <NAME>` becomes `--tool`, `<NAME>` becomes `NAME`.
fn strip_usage_marks(text: &str) -> String {
    let flag = text.split([' ', '=', '[']).next().unwrap_or(text);
    let word = match text.strip_prefix('<').and_then(|inner| inner.split_once('>')) {
        _ if flag.starts_with('-') => flag,
        // Of `<[TYPE] ACTION> [COMMAND]...`, only the action is required.
        Some((required, _)) => required.rsplit("] ").next().unwrap_or(required),
        None => text,
    };
    word.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

/// Turns the error's help, which is not a command, into a sentence of its own, unless the error has it
/// already.
fn add_advice_sentence(error: &Error) -> Error {
    let advice = error.help_text().unwrap_or_default();
    let mut letters = advice.chars();
    match letters.next() {
        Some(first) if !error.public_message().ends_with(advice.trim_start_matches("choose ")) => {
            error.clone().and_message(format!("{}{}.", first.to_uppercase(), letters.as_str()))
        }
        _ => error.clone(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
