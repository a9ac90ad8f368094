//! `hearth completion SHELL`: what completes commands in a shell, and what the shell asks it for.
//!
//! The scripts know no command: they hand the words to this program, which looks into the tree of commands and, for
//! names, asks the server. Whatever goes wrong there is no completion and no word of it.

mod names;

use std::ffi::OsString;

use clap::ValueEnum;
use clap_complete::engine::{CompletionCandidate, complete};
use hearth_base::Result;

use crate::{
    printer::{Printer, visible},
    settings::Environment,
};

/// What `hearth completion` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// bash, zsh or fish
    #[arg(hide_possible_values = true)]
    shell: Shell,
    /// What a script asks: the words up to the cursor, the last of which is to be completed
    #[arg(last = true, hide = true)]
    words: Vec<OsString>,
}

/// A shell that this program completes commands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script, or answers it.
///
/// `whole` is the tree of all commands.
pub fn run(printer: &Printer, args: Args, environment: Environment, whole: clap::Command) -> Result<()> {
    let Args { shell, words } = args;
    if !words.is_empty() {
        return printer.raw(&answer(shell, words, environment, whole));
    }
    let (script, line) = match shell {
        Shell::Bash => (include_str!("hearth.bash"), "add to ~/.bashrc: source <(hearth completion bash)"),
        Shell::Zsh => {
            (include_str!("hearth.zsh"), "add to ~/.zshrc, behind compinit: source <(hearth completion zsh)")
        }
        Shell::Fish => (
            include_str!("hearth.fish"),
            "add to ~/.config/fish/config.fish: hearth completion fish | source",
        ),
    };
    printer.raw(script)?;
    if printer.shows_results() {
        printer.next(line);
    }
    Ok(())
}

/// What the last of the words may become, a line each.
fn answer(shell: Shell, words: Vec<OsString>, environment: Environment, whole: clap::Command) -> String {
    let Words { words, joined } = match shell {
        Shell::Bash => Words::joined(words),
        Shell::Zsh | Shell::Fish => Words { words, joined: 0 },
    };
    let Some(at) = words.len().checked_sub(1) else { return String::new() };
    let wants_flags = words[at].to_string_lossy().starts_with('-');
    let mut tree = names::tree(&words, environment, whole);
    let here = std::env::current_dir().ok();
    let found = complete(&mut tree, words, at, here.as_deref()).unwrap_or_default();
    let fits = |candidate: &&CompletionCandidate| {
        wants_flags || !candidate.get_value().to_string_lossy().starts_with('-')
    };
    found.iter().filter(fits).filter_map(|candidate| line(shell, candidate, joined)).collect()
}

/// A candidate as the script reads it; none that would be read as something else.
fn line(shell: Shell, candidate: &CompletionCandidate, joined: usize) -> Option<String> {
    let value = candidate.get_value().to_str().filter(|value| visible(value) == **value)?;
    // bash takes what it is given as if it had been typed, and a folder can have any name.
    if matches!(shell, Shell::Bash) && !is_plain(value) {
        return None;
    }
    let value = value.get(joined..)?;
    let help = candidate.get_help().map(|help| visible(&help.to_string()));
    Some(match (shell, help) {
        (Shell::Zsh | Shell::Fish, Some(help)) => format!("{value}\t{help}\n"),
        _ => format!("{value}\n"),
    })
}

/// Whether a shell that reads these characters reads nothing else into them.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@=+,%".contains(&byte))
}

/// The words of a line.
#[derive(Debug)]
struct Words {
    words: Vec<OsString>,
    /// How much of the last one the shell takes for words before it.
    joined: usize,
}

impl Words {
    /// bash takes `=` and `:` for words of their own: they are joined to what stands on both sides.
    fn joined(raw: Vec<OsString>) -> Self {
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
    fn what_bash_takes_apart_is_put_together() {
        for (raw, words, joined) in [
            (&["hearth", "jobs", "sh"][..], &["hearth", "jobs", "sh"][..], 0),
            (&["hearth", "--tool", "=", "du"], &["hearth", "--tool=du"], 7),
            (&["hearth", "--tool", "="], &["hearth", "--tool="], 7),
            (&["run", "--image", "a/a", ":", "la"], &["run", "--image", "a/a:la"], 4),
            (&["--server", "=", "http", ":", "//x", ""], &["--server=http://x", ""], 0),
        ] {
            let owned = raw.iter().map(OsString::from).collect();
            let Words { words: found, joined: length } = Words::joined(owned);
            assert_eq!((found, length), (words.iter().map(OsString::from).collect(), joined), "{raw:?}");
        }
    }
}
