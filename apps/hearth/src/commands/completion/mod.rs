//! `hearth completion SHELL`: the completion script of a shell, and the candidates that the script requests.
//!
//! The scripts contain no commands: they pass the words to this program, which reads the tree of commands and
//! requests names from the server. Every error means no candidates and no message.

mod names;

use std::ffi::OsString;

use clap::ValueEnum;
use clap_complete::engine::{CompletionCandidate, complete};
use hearth_base::Result;

use crate::{
    printer::{Printer, escape_hidden},
    settings::Environment,
};

/// The arguments of `hearth completion`.
#[derive(Debug, clap::Args)]
pub struct PrintCompletionArgs {
    /// bash, zsh or fish
    #[arg(hide_possible_values = true)]
    shell: Shell,
    /// The words up to the cursor, the last of which is completed
    #[arg(last = true, hide = true)]
    words: Vec<OsString>,
}

/// A supported shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script, or the candidates for the script's words.
///
/// `full_tree` is the tree of all commands.
pub fn run(
    printer: &Printer,
    args: PrintCompletionArgs,
    environment: Environment,
    full_tree: clap::Command,
) -> Result<()> {
    let PrintCompletionArgs { shell, words } = args;
    if !words.is_empty() {
        return printer.print_raw(&complete_words(shell, words, environment, full_tree));
    }
    let (script, line) = match shell {
        Shell::Bash => (include_str!("hearth.bash"), "add to ~/.bashrc: source <(hearth completion bash)"),
        Shell::Zsh => {
            (include_str!("hearth.zsh"), "add to ~/.zshrc, after compinit: source <(hearth completion zsh)")
        }
        Shell::Fish => (
            include_str!("hearth.fish"),
            "add to ~/.config/fish/config.fish: hearth completion fish | source",
        ),
    };
    printer.print_raw(script)?;
    if printer.is_stdout_a_terminal() {
        printer.print_next(line);
    }
    Ok(())
}

/// Returns the candidates for the last of the words, a line each.
fn complete_words(
    shell: Shell,
    words: Vec<OsString>,
    environment: Environment,
    full_tree: clap::Command,
) -> String {
    let ShellWords { words, joined } = match shell {
        Shell::Bash => ShellWords::join_bash_words(words),
        Shell::Zsh | Shell::Fish => ShellWords { words, joined: 0 },
    };
    let Some(at) = words.len().checked_sub(1) else { return String::new() };
    let wants_flags = words[at].to_string_lossy().starts_with('-');
    let mut tree = names::add_name_completers(&words, environment, full_tree);
    let here = std::env::current_dir().ok();
    let found = complete(&mut tree, words, at, here.as_deref()).unwrap_or_default();
    let fits = |candidate: &&CompletionCandidate| {
        wants_flags || !candidate.get_value().to_string_lossy().starts_with('-')
    };
    found.iter().filter(fits).filter_map(|candidate| format_candidate(shell, candidate, joined)).collect()
}

/// Formats a candidate as a line for the script; drops a candidate that a shell would interpret.
fn format_candidate(shell: Shell, candidate: &CompletionCandidate, joined: usize) -> Option<String> {
    let value = candidate.get_value().to_str().filter(|value| escape_hidden(value) == **value)?;
    // bash inserts the candidate as if it were typed, and a folder can have any name.
    if matches!(shell, Shell::Bash) && !is_plain(value) {
        return None;
    }
    let value = value.get(joined..)?;
    let help = candidate.get_help().map(|help| escape_hidden(&help.to_string()));
    Some(match (shell, help) {
        (Shell::Zsh | Shell::Fish, Some(help)) => format!("{value}\t{help}\n"),
        _ => format!("{value}\n"),
    })
}

/// Returns true when no character of `value` is special in a shell.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@=+,%".contains(&byte))
}

/// The words of a command line.
#[derive(Debug)]
struct ShellWords {
    words: Vec<OsString>,
    /// The length of the part of the last word that the shell treats as earlier words.
    joined: usize,
}

impl ShellWords {
    /// Joins the words that bash splits at `=` and `:`.
    fn join_bash_words(raw: Vec<OsString>) -> Self {
        let breaks = |word: &OsString| {
            word.to_str().is_some_and(|word| !word.is_empty() && word.trim_matches([':', '=']).is_empty())
        };
        let mut words: Vec<OsString> = Vec::new();
        let (mut joined, mut before) = (0, false);
        for word in raw {
            let breaks = breaks(&word);
            match words.last_mut().filter(|_| breaks || before) {
                Some(last) => {
                    joined = last.len() + if breaks { word.len() } else { 0 };
                    last.push(word);
                }
                None => {
                    joined = 0;
                    words.push(word);
                }
            }
            before = breaks;
        }
        Self { words, joined }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_by_bash_are_joined() {
        for (raw, words, joined) in [
            (&["hearth", "jobs", "sh"][..], &["hearth", "jobs", "sh"][..], 0),
            (&["hearth", "--tool", "=", "du"], &["hearth", "--tool=du"], 7),
            (&["hearth", "--tool", "="], &["hearth", "--tool="], 7),
            (&["run", "--image", "a/a", ":", "la"], &["run", "--image", "a/a:la"], 4),
            (&["--server", "=", "http", ":", "//x", ""], &["--server=http://x", ""], 0),
        ] {
            let owned = raw.iter().map(OsString::from).collect();
            let ShellWords { words: found, joined: length } = ShellWords::join_bash_words(owned);
            assert_eq!((found, length), (words.iter().map(OsString::from).collect(), joined), "{raw:?}");
        }
    }
}
