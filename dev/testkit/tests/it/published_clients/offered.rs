//! What the clients say they offer, in their own help, held against what a test typed: a release with a new command
//! or flag fails until somebody types it.

use std::{collections::BTreeSet, sync::Mutex};

use super::Terminal;

/// Each word that was typed, behind the command that it was given to: a command's name, or a flag.
#[derive(Default)]
pub struct Typed(Mutex<BTreeSet<(String, String)>>);

impl Typed {
    /// Notes what is typed behind `toolforge`.
    pub fn note(&self, words: &[&str]) {
        let mut noted = self.0.lock().unwrap();
        let mut command = vec!["toolforge"];
        for word in words {
            let is_flag = word.len() > 1 && word.starts_with('-');
            if !is_flag && command.len() > 2 {
                continue;
            }
            let name = word.split('=').next().unwrap_or(word);
            noted.insert((command.join(" "), name.to_owned()));
            if !is_flag {
                command.push(word);
            }
        }
    }

    fn holds(&self, command: &str, word: &str) -> bool {
        self.0.lock().unwrap().contains(&(command.to_owned(), word.to_owned()))
    }
}

impl Terminal {
    /// Fails when `toolforge` and these words offer a command or a flag that was not typed at this terminal.
    pub fn has_typed_all_of(&self, words: &[&str]) {
        let mut offered = Offered::read(&self.done(&[words, &["--help"]].concat()), words);
        if words.is_empty() {
            // Each client has a test of its own.
            offered.commands.clear();
        }
        let under: Vec<Vec<&str>> =
            offered.commands.iter().map(|command| [words, &[command.as_str()]].concat()).collect();
        let asking: Vec<Vec<&str>> = under.iter().map(|words| [words, &["--help"][..]].concat()).collect();
        let asking: Vec<&[&str]> = asking.iter().map(Vec::as_slice).collect();
        let helps = self.all_done(&asking);
        let mut missing = self.missing(words, &offered);
        for (words, help) in under.iter().zip(&helps) {
            missing.extend(self.missing(words, &Offered::read(help, words)));
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }

    fn missing(&self, words: &[&str], offered: &Offered) -> Vec<String> {
        let command = [&["toolforge"], words].concat().join(" ");
        let typed = |word: &String| self.typed.holds(&command, word);
        let commands = offered.commands.iter().filter(|name| !typed(name)).map(|name| {
            format!("no test types `{command} {name}`: type it, and say what Hearth has to do then")
        });
        let flags = offered.flags.iter().filter(|flag| !flag.iter().any(typed));
        let flags = flags.map(|flag| {
            let flag = flag.join("` or `");
            format!("no test types `{flag}` behind `{command}`: type it, and say what Hearth has to do then")
        });
        commands.chain(flags).collect()
    }
}

/// What a command's help offers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Offered {
    commands: Vec<String>,
    /// Each flag with all its spellings.
    flags: Vec<Vec<String>>,
}

impl Offered {
    /// Reads the help that Python's `argparse` or `click` prints for `toolforge` and these words.
    fn read(help: &str, words: &[&str]) -> Self {
        let mut offered = Self::default();
        let mut section = "";
        for line in help.lines() {
            let text = line.trim_start();
            match line.len() - text.len() {
                0 if text.ends_with(':') => section = text,
                // What stands further in explains the entry above.
                2 if text.starts_with('-') => offered.flags.extend(flags(text)),
                2 if section == "Commands:" => offered.commands.extend(first(text)),
                // Arguments that are no commands may have choices too.
                2 if words.len() < 2 => offered.commands.extend(choices(text)),
                _ => {}
            }
        }
        let asks_for_help = |flag: &Vec<String>| flag.iter().any(|word| word == "--help");
        assert!(offered.flags.iter().any(asks_for_help), "the help of {words:?} cannot be read:\n{help}");
        offered
    }
}

/// The flags of an entry such as `-o, --output FILE  where to`, or `--short / --long  how much`.
fn flags(entry: &str) -> impl Iterator<Item = Vec<String>> {
    let spelled = entry.split("  ").next().unwrap_or(entry);
    spelled.split(" / ").map(|flag| {
        let words = flag.split(", ").filter_map(|spelling| spelling.split_whitespace().next());
        words.filter(|word| word.starts_with('-')).map(str::to_owned).collect()
    })
}

fn first(entry: &str) -> Option<String> {
    entry.split_whitespace().next().map(str::to_owned)
}

/// The words of `{one,other}`.
fn choices(entry: &str) -> Vec<String> {
    let inside = entry.strip_prefix('{').and_then(|entry| entry.split_once('}')).map(|(inside, _)| inside);
    inside.into_iter().flat_map(|inside| inside.split(',')).map(str::to_owned).collect()
}

#[test]
fn the_help_of_argparse_is_read() {
    let help = "usage: toolforge jobs [-h] {images,run} ...\n\nToolforge Jobs Service\n\npositional arguments:\n  \
                {images,run}\n                        possible operations\n    images              list\n    \
                run                 run a new job\n\noptions:\n  -h, --help            show this\n  \
                -o {normal,long}, --output {normal,long}\n                        --not-this one\n  \
                --publish [{/}]       expose\n";
    let flags = [&["-h", "--help"][..], &["-o", "--output"], &["--publish"]];
    let flags = flags.map(|flag| flag.iter().map(|word| (*word).to_owned()).collect()).to_vec();
    let commands = vec!["images".to_owned(), "run".to_owned()];
    assert_eq!(Offered::read(help, &["jobs"]), Offered { commands, flags });
    assert!(Offered::read(help, &["jobs", "run"]).commands.is_empty());
}

#[test]
fn the_help_of_click_is_read() {
    let help = "Usage: toolforge envvars [OPTIONS] COMMAND [ARGS]...\n\n  Toolforge command line\n\nOptions:\n  \
                -s, --short / -l, --long  How much,\n                  --not-this one\n  --help          Show \
                this.\n\nCommands:\n  create  Create one,\n          or another.\n  delete  Delete one.\n";
    let flags = [&["-s", "--short"][..], &["-l", "--long"], &["--help"]];
    let flags = flags.map(|flag| flag.iter().map(|word| (*word).to_owned()).collect()).to_vec();
    let commands = vec!["create".to_owned(), "delete".to_owned()];
    assert_eq!(Offered::read(help, &["envvars"]), Offered { commands, flags });
}

#[test]
fn a_word_is_noted_behind_its_command() {
    let typed = Typed::default();
    typed.note(&["-d", "jobs", "run", "one", "--mem=1Gi", "--command", "ls -l", "-"]);
    for (command, word) in [
        ("toolforge", "-d"),
        ("toolforge", "jobs"),
        ("toolforge jobs", "run"),
        ("toolforge jobs run", "--mem"),
        ("toolforge jobs run", "--command"),
    ] {
        assert!(typed.holds(command, word), "{command} {word}");
    }
    assert!(!typed.holds("toolforge jobs run", "one"));
    assert!(!typed.holds("toolforge jobs run", "ls -l"));
}
