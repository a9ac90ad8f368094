//! Compares the commands and flags in the help of the clients with those that a test has run: a release with
//! a new command or flag fails until a test runs it.

use std::{collections::BTreeSet, sync::Mutex};

use super::Terminal;

/// The commands and flags that a test has run, each as a pair of the parent command and the word.
#[derive(Default)]
pub struct UsedOptions(Mutex<BTreeSet<(String, String)>>);

impl UsedOptions {
    /// Records the arguments of one call of `toolforge`.
    pub fn record_command(&self, words: &[&str]) {
        let mut used = self.0.lock().unwrap();
        let mut command = vec!["toolforge"];
        for word in words {
            let is_flag = word.len() > 1 && word.starts_with('-');
            // The commands of `components` are in groups.
            let depth = if command.get(1) == Some(&"components") { 4 } else { 3 };
            if !is_flag && command.len() >= depth {
                continue;
            }
            let name = word.split('=').next().unwrap_or(word);
            used.insert((command.join(" "), name.to_owned()));
            if !is_flag {
                command.push(word);
            }
        }
    }

    fn has_used(&self, command: &str, word: &str) -> bool {
        self.0.lock().unwrap().contains(&(command.to_owned(), word.to_owned()))
    }
}

impl Terminal {
    /// Panics if the help of `toolforge` with these words, or of a command below it at any depth, has a command or a
    /// flag that this terminal has not run.
    pub fn check_all_options_used(&self, words: &[&str]) {
        let mut missing = Vec::new();
        let mut level = vec![words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>()];
        while !level.is_empty() {
            let calls = level.iter().map(|words| {
                let words = words.iter().map(String::as_str);
                words.chain(["--help"]).collect::<Vec<_>>()
            });
            let calls: Vec<Vec<&str>> = calls.collect();
            let helps = self.run_all_successfully(&calls.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let mut below = Vec::new();
            for (words, help) in level.iter().zip(&helps) {
                let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
                let mut options = HelpOptions::read(help, &borrowed);
                if words.is_empty() {
                    // Each client has a test of its own.
                    options.commands.clear();
                }
                missing.extend(self.list_unused(&borrowed, &options));
                below.extend(options.commands.into_iter().map(|command| [&words[..], &[command]].concat()));
            }
            level = below;
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }

    fn list_unused(&self, words: &[&str], options: &HelpOptions) -> Vec<String> {
        let command = [&["toolforge"], words].concat().join(" ");
        let used = |word: &String| self.used_options.has_used(&command, word);
        let commands = options
            .commands
            .iter()
            .filter(|name| !used(name))
            .map(|name| format!("no test runs `{command} {name}`: run it and assert its effect"));
        let flags = options.flags.iter().filter(|flag| !flag.iter().any(used));
        let flags = flags.map(|flag| {
            let flag = flag.join("` or `");
            format!("no test uses `{flag}` of `{command}`: use it and assert its effect")
        });
        commands.chain(flags).collect()
    }
}

/// The options in the help of a command.
#[derive(Debug, Default, PartialEq, Eq)]
struct HelpOptions {
    commands: Vec<String>,
    /// Each flag with all its forms.
    flags: Vec<Vec<String>>,
}

impl HelpOptions {
    /// Parses the help that Python's `argparse` or `click` prints for `toolforge` with these words.
    fn read(help: &str, words: &[&str]) -> Self {
        let mut options = Self::default();
        let mut section = "";
        for line in help.lines() {
            let text = line.trim_start();
            match line.len() - text.len() {
                0 if text.ends_with(':') => section = text,
                // Lines with a deeper indentation explain the entry above.
                2 if text.starts_with('-') => options.flags.extend(parse_flags(text)),
                2 if section == "Commands:" => options.commands.extend(parse_command_name(text)),
                // Below the first level, arguments that are not commands may have choices too.
                2 if words.len() < 2 => options.commands.extend(parse_choices(text)),
                _ => {}
            }
        }
        let is_help = |flag: &Vec<String>| flag.iter().any(|word| word == "--help");
        assert!(options.flags.iter().any(is_help), "help of {words:?} has an unknown format:\n{help}");
        options
    }
}

/// Parses the flags of an entry such as `-o, --output FILE  where to`, or `--short / --long  how much`.
fn parse_flags(entry: &str) -> impl Iterator<Item = Vec<String>> {
    let forms = entry.split("  ").next().unwrap_or(entry);
    forms.split(" / ").map(|flag| {
        let words = flag.split(", ").filter_map(|form| form.split_whitespace().next());
        words.filter(|word| word.starts_with('-')).map(str::to_owned).collect()
    })
}

fn parse_command_name(entry: &str) -> Option<String> {
    entry.split_whitespace().next().map(str::to_owned)
}

/// Parses the choices of `{one,other}`.
fn parse_choices(entry: &str) -> Vec<String> {
    let choices = entry.strip_prefix('{').and_then(|entry| entry.split_once('}')).map(|(choices, _)| choices);
    choices.into_iter().flat_map(|choices| choices.split(',')).map(str::to_owned).collect()
}

#[test]
fn help_of_argparse_is_parsed() {
    let help = "usage: toolforge jobs [-h] {images,run} ...\n\nToolforge Jobs Service\n\npositional arguments:\n  \
                {images,run}\n                        possible operations\n    images              list\n    \
                run                 run a new job\n\noptions:\n  -h, --help            show this\n  \
                -o {normal,long}, --output {normal,long}\n                        --not-this one\n  \
                --publish [{/}]       expose\n";
    let flags = [&["-h", "--help"][..], &["-o", "--output"], &["--publish"]];
    let flags = flags.map(|flag| flag.iter().map(|word| (*word).to_owned()).collect()).to_vec();
    let commands = vec!["images".to_owned(), "run".to_owned()];
    assert_eq!(HelpOptions::read(help, &["jobs"]), HelpOptions { commands, flags });
    assert!(HelpOptions::read(help, &["jobs", "run"]).commands.is_empty());
}

#[test]
fn help_of_click_is_parsed() {
    let help = "Usage: toolforge envvars [OPTIONS] COMMAND [ARGS]...\n\n  Toolforge command line\n\nOptions:\n  \
                -s, --short / -l, --long  How much,\n                  --not-this one\n  --help          Show \
                this.\n\nCommands:\n  create  Create one,\n          or another.\n  delete  Delete one.\n";
    let flags = [&["-s", "--short"][..], &["-l", "--long"], &["--help"]];
    let flags = flags.map(|flag| flag.iter().map(|word| (*word).to_owned()).collect()).to_vec();
    let commands = vec!["create".to_owned(), "delete".to_owned()];
    assert_eq!(HelpOptions::read(help, &["envvars"]), HelpOptions { commands, flags });
}

#[test]
fn words_are_recorded_with_their_command() {
    let used = UsedOptions::default();
    used.record_command(&["components", "config", "create", "--json", "file"]);
    used.record_command(&["-d", "jobs", "run", "one", "--mem=1Gi", "--command", "ls -l", "-"]);
    for (command, word) in [
        ("toolforge", "-d"),
        ("toolforge", "jobs"),
        ("toolforge jobs", "run"),
        ("toolforge jobs run", "--mem"),
        ("toolforge jobs run", "--command"),
        ("toolforge components", "config"),
        ("toolforge components config", "create"),
        ("toolforge components config create", "--json"),
    ] {
        assert!(used.has_used(command, word), "{command} {word}");
    }
    assert!(!used.has_used("toolforge jobs run", "one"));
    assert!(!used.has_used("toolforge components config create", "file"));
    assert!(!used.has_used("toolforge jobs run", "ls -l"));
}
