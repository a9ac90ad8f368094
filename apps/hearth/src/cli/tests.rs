//! Rules of the whole command tree.

use super::*;
use crate::{command_line::CommandLine, kept_flags::KeptFlags};

/// Lists every command and group of commands with its path.
fn list_commands() -> Vec<(String, clap::Command)> {
    let mut tree = Cli::command();
    tree.build();
    let mut found = Vec::new();
    let mut open = vec![("hearth".to_owned(), tree)];
    while let Some((path, command)) = open.pop() {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            open.push((format!("{path} {}", below.get_name()), below.clone()));
        }
        found.push((path, command));
    }
    found
}

#[test]
fn command_tree_passes_the_assertions_of_clap() {
    Cli::command().debug_assert();
}

#[test]
fn every_short_help_fits_24_lines_and_starts_with_an_example() {
    for (path, mut command) in list_commands() {
        let help = command.render_help().to_string();
        assert!(help.lines().count() <= 24, "{path}: {} lines\n{help}", help.lines().count());
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{path}\n{help}");
        assert!(help.starts_with("Example: hearth"), "{path}\n{help}");
    }
}

#[test]
fn every_command_is_in_the_documentation() {
    let page = include_str!("../../../../docs/commands.md");
    for (path, command) in list_commands().into_iter().filter(|(_, command)| !command.has_subcommands()) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        assert!(page.contains(&format!("| `{path}` | {about} |")), "{path}: run cargo xtask spec");
    }
}

#[test]
fn every_example_is_a_valid_command() {
    for (path, command) in list_commands() {
        let example = command.get_before_help().map(ToString::to_string).unwrap_or_default();
        let line = example.strip_prefix("Example: ").unwrap_or_default();
        assert!(line.starts_with(&path), "{path}: {line}");
        let words = line.split(" | ").last().unwrap_or_default().split_whitespace();
        let parsed = Cli::try_parse_from(words);
        assert!(parsed.is_ok(), "{path}: {line}: {:?}", parsed.err().map(|error| error.kind()));
    }
}

fn parse_words(words: &[&str]) -> CommandLine {
    let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
    CommandLine::from_arguments(&arguments, find_whole_tree)
}

#[test]
fn value_of_every_flag_of_every_command_is_distinguished_from_an_argument() {
    let mut checked = 0;
    for (path, command) in list_commands() {
        for flag in command.get_arguments().filter(|flag| !flag.is_positional()) {
            let required = flag.get_num_args().is_none_or(|count| count.min_values() > 0);
            let takes_value = flag.get_action().takes_values() && required && !flag.is_require_equals_set();
            let long = flag.get_long().map(|long| format!("--{long}"));
            let short = flag.get_short().map(|short| format!("-{short}"));
            for spelling in long.into_iter().chain(short) {
                let words: Vec<&str> = path.split(' ').chain([&*spelling, "x", "x"]).collect();
                let line = parse_words(&words).with_replacement("x", "y").unwrap_or_default();
                let words: Vec<&str> = line.split(' ').collect();
                // A value after the argument may be hidden, and a secret flag is replaced with its value.
                let changed = words.iter().rposition(|word| *word == "y");
                let expected = words.len() - if takes_value { 1 } else { 2 };
                assert_eq!(changed, Some(expected), "{path} {spelling}: {line}");
                checked += 1;
            }
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn proposal_of_every_command_keeps_the_tool_if_the_command_is_about_one() {
    let tool = Some("dup-finder".to_owned());
    let kept = KeptFlags::new(None, tool, parse_words(&["hearth", "status"]));
    let is_marked = |command: &clap::Command| {
        command.get_groups().any(|group| group.get_id() == crate::kept_flags::WITHOUT_TOOL_GROUP)
    };
    let all = list_commands();
    let marked: Vec<&String> =
        all.iter().filter(|(_, command)| is_marked(command)).map(|(path, _)| path).collect();
    assert!(marked.iter().any(|path| *path == "hearth tool list"), "{marked:?}");
    for (path, _) in &all {
        let is_below = |group: &&String| path.starts_with(&format!("{group} "));
        let without_tool = marked.iter().any(|group| *group == path || is_below(group));
        let proposed = kept.add_to_proposal(path);
        let expected =
            if without_tool { path.clone() } else { path.replacen("hearth", "hearth --tool dup-finder", 1) };
        assert_eq!(proposed, expected);
    }
}
