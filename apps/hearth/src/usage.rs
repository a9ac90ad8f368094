//! What the parser of the command line refuses, said as everything else is said.

use std::error::Error as _;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};
use hearth_base::Error;

use crate::{cli::Cli, context::better_name, nearest::nearest, words::Words};

/// Whether the parser was asked for help or the version: a result, and no refusal.
pub fn is_answer(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

/// Whether somebody named a group of commands and none of its commands.
pub fn is_incomplete(error: &clap::Error) -> bool {
    matches!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand)
}

/// The refusal in our words, with the command that was probably meant.
pub fn explain(error: &clap::Error, words: &Words) -> Error {
    let text = |kind| error.get(kind).map(plain);
    let command = command_of(words);
    let help = format!("{} -h", command.path);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let typed = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let known = command.subcommands.iter().map(String::as_str);
            let near = nearest(&typed, known).and_then(|near| words.with(&typed, near));
            Error::invalid("no-such-command", format!("there is no command {} {typed}", command.path))
                .also(format!("There are {}.", command.subcommands.join(", ")))
                .help(near.unwrap_or(help))
        }
        ErrorKind::UnknownArgument => {
            let typed = text(ContextKind::InvalidArg).unwrap_or_default();
            let sentence = if typed.starts_with('-') {
                format!("{} has no flag {typed}", command.path)
            } else {
                format!("{} takes nothing more: {typed:?} is too much", command.path)
            };
            let error = Error::invalid("unknown-argument", sentence);
            match text(ContextKind::SuggestedArg) {
                Some(near) if near.ends_with("-stdin") => error
                    .also("A secret is no argument: others on this machine could see it.")
                    .help(format!("{} {near}", command.path)),
                Some(near) => error.help(words.with(&typed, &near).unwrap_or(help)),
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
            let known = text(ContextKind::ValidValue).unwrap_or_default();
            if value.is_empty() {
                return Error::invalid("missing-value", format!("{flag} needs a value")).help(help);
            }
            let near = nearest(&value, known.split(", ")).and_then(|near| words.with(&value, near));
            Error::invalid("invalid-value", format!("{value:?} cannot be given as {flag}"))
                .also(format!("It takes {known}."))
                .help(near.unwrap_or(help))
        }
        ErrorKind::ValueValidation => {
            let typed = text(ContextKind::InvalidValue).unwrap_or_default();
            match error.source().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(inner) => match better_name(inner).and_then(|right| words.with(&typed, right)) {
                    Some(command) => inner.clone().help(command),
                    None => advised(inner).help(help),
                },
                None => {
                    Error::invalid("invalid-value", format!("{typed:?} is not a value for this")).help(help)
                }
            }
        }
        ErrorKind::ArgumentConflict => {
            let (one, other) = (text(ContextKind::InvalidArg), text(ContextKind::PriorArg));
            let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
            let sentence = if one == other {
                format!("{one} is given twice")
            } else {
                format!("{one} and {other} exclude each other")
            };
            Error::invalid("conflicting-arguments", sentence).help(help)
        }
        _ => Error::invalid("usage", first_line(&error.to_string())).help(help),
    }
}

/// The command that the words lead to, as far as they are known.
struct Reached {
    path: String,
    subcommands: Vec<String>,
    example: Option<String>,
}

fn command_of(words: &Words) -> Reached {
    let mut command = Cli::command();
    let mut path = "hearth".to_owned();
    for word in words.flags() {
        if let Some(below) = command.find_subcommand(word) {
            path = format!("{path} {word}");
            command = below.clone();
        }
    }
    let example = command.get_before_help().map(ToString::to_string);
    Reached {
        path,
        subcommands: command.get_subcommands().map(|below| below.get_name().to_owned()).collect(),
        example: example.and_then(|example| example.strip_prefix("Example: ").map(str::to_owned)),
    }
}

/// A piece of the parser's refusal as text, without the dressing of usage lines.
fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => undressed(text),
        ContextValue::Strings(texts) => {
            texts.iter().map(|text| undressed(text)).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// `--tool <NAME>` as `--tool`, `<NAME>` as `NAME`.
fn undressed(text: &str) -> String {
    let flag = text.split([' ', '=', '[']).next().unwrap_or(text);
    let word = if flag.starts_with('-') { flag } else { text };
    word.trim_matches(['<', '>', '[', ']', '.']).to_owned()
}

/// A refusal whose advice, which is no command, is a sentence of its own; unless the refusal says it already.
fn advised(error: &Error) -> Error {
    let advice = error.next().unwrap_or_default();
    let mut letters = advice.chars();
    match letters.next() {
        Some(first) if !error.public().ends_with(advice.trim_start_matches("choose ")) => {
            error.clone().also(format!("{}{}.", first.to_uppercase(), letters.as_str()))
        }
        _ => error.clone(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
