//! Words that people type for a command of another name, because other programs call it so. Error messages propose
//! the command; nothing runs it.

/// Words for a command, by the group that they were typed below, with the proposed command. They are checked before
/// similar names, which would propose `hearth invite` for `hearth init`.
const COMMAND_SYNONYMS: [(&str, &str, &str); 29] = [
    ("hearth", "console", "hearth shell"),
    ("hearth", "create", "hearth new NAME"),
    ("hearth", "cron", "hearth jobs run -h"),
    ("hearth", "delete", "hearth tool delete NAME"),
    ("hearth", "destroy", "hearth tool delete NAME"),
    ("hearth", "init", "hearth new NAME"),
    ("hearth", "launch", "hearth deploy"),
    ("hearth", "list", "hearth tool list"),
    ("hearth", "ls", "hearth tool list"),
    ("hearth", "members", "hearth tool members list"),
    ("hearth", "publish", "hearth deploy"),
    ("hearth", "push", "hearth deploy"),
    ("hearth", "rm", "hearth tool delete NAME"),
    ("hearth", "run", "hearth jobs run -h"),
    ("hearth", "schedule", "hearth jobs run -h"),
    ("hearth", "secrets", "hearth envvars list"),
    ("hearth", "share", "hearth tool members set USER ROLE"),
    ("hearth", "signin", "hearth login"),
    ("hearth", "ssh", "hearth shell"),
    ("hearth", "stop", "hearth jobs stop NAME"),
    ("hearth", "tools", "hearth tool list"),
    ("hearth", "undo", "hearth rollback"),
    ("hearth", "update", "hearth deploy"),
    ("hearth", "version", "hearth --version"),
    ("hearth jobs", "create", "hearth jobs run -h"),
    ("hearth jobs", "start", "hearth jobs restart NAME"),
    ("hearth tool", "create", "hearth new NAME"),
    ("hearth tool members", "add", "hearth tool members set USER ROLE"),
    ("hearth tool members", "invite", "hearth tool members set USER ROLE"),
];

/// Finds the proposed command for a word that was typed below `group`, as in `hearth jobs`.
pub fn find_synonym(group: &str, typed: &str) -> Option<&'static str> {
    let found = COMMAND_SYNONYMS.iter().find(|(above, word, _)| *above == group && *word == typed);
    found.map(|(_, _, proposed)| *proposed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::find_whole_tree;

    /// Finds the command that these words name, and the words that are left.
    fn find_command(words: &[&str]) -> (&'static clap::Command, usize) {
        let mut command = find_whole_tree();
        for (at, word) in words.iter().enumerate() {
            let Some(below) = command.find_subcommand(word) else { return (command, words.len() - at) };
            command = below;
        }
        (command, 0)
    }

    #[test]
    fn synonym_is_no_command_and_proposes_one() {
        for (group, word, proposed) in COMMAND_SYNONYMS {
            let path: Vec<&str> = group.split(' ').skip(1).collect();
            let (above, left) = find_command(&path);
            assert!(left == 0 && above.find_subcommand(word).is_none(), "{group} {word}");
            let words: Vec<&str> = proposed.split(' ').skip(1).collect();
            let is_command =
                |word: &&&str| !word.starts_with('-') && word.chars().all(|letter| !letter.is_uppercase());
            let (_, left) = find_command(&words);
            assert_eq!(words.iter().filter(is_command).count(), words.len() - left, "{proposed}");
        }
    }
}
