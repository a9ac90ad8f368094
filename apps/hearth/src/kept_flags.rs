//! Flags and arguments of the running command that its proposed next commands keep.

use clap::ArgGroup;

use crate::command_line::{CommandLine, quote_argument};

/// Commands that a proposal repeats with all their flags when they are the running command.
const REPEATED_COMMANDS: [&str; 2] = ["hearth deploy", "hearth build start"];

/// Flags after which a repetition would not do the same.
const UNREPEATED_FLAGS: [&str; 3] = ["--follow", "-f", "--dry-run"];

/// Flags about the output of one command.
const OUTPUT_FLAGS: [&str; 7] = ["--quiet", "-q", "--verbose", "-v", "--debug", "-d", "--json"];

/// The texts before a command in a proposal.
const COMMAND_LEADS: [&str; 3] = ["&& ", "then ", "or "];

/// The flags and arguments that proposals keep.
#[derive(Debug, Clone, Default)]
pub struct KeptFlags {
    server: Option<String>,
    tool: Option<String>,
    typed: Option<CommandLine>,
}

/// Id of the empty group of arguments that marks, in the definition of the commands, one that is not about one tool.
pub const WITHOUT_TOOL_GROUP: &str = "without-tool";

/// Marks a command, or a group of commands, that is not about one tool: its proposals keep no `--tool`.
pub fn mark_without_tool() -> ArgGroup {
    ArgGroup::new(WITHOUT_TOOL_GROUP)
}

impl KeptFlags {
    /// Keeps the flags `--server` and `--tool`, and the command line for a repetition.
    pub fn new(server: Option<String>, tool: Option<String>, command_line: CommandLine) -> Self {
        Self { server, tool, typed: Some(command_line) }
    }

    /// Adds the flags to the commands of this program in a proposal, unless it has them already.
    pub fn add_to_proposal(&self, proposal: &str) -> String {
        if proposal.contains('\n') || !proposal.contains("hearth") {
            return proposal.to_owned();
        }
        let mut text = String::new();
        let mut rest = proposal;
        loop {
            let is_command =
                rest.strip_prefix("hearth").is_some_and(|after| after.is_empty() || after.starts_with(' '));
            if is_command && (text.is_empty() || COMMAND_LEADS.iter().any(|lead| text.ends_with(lead))) {
                let end = rest.find(" && ").unwrap_or(rest.len());
                let (command, after) = rest.split_at(end);
                text.push_str(&self.add_to_command(command));
                rest = after;
            }
            // Commands begin at words only.
            match rest.split_once(' ') {
                Some((word, after)) => {
                    text.push_str(word);
                    text.push(' ');
                    rest = after;
                }
                None => return text + rest,
            }
        }
    }

    fn add_to_command(&self, command: &str) -> String {
        let arguments = command.strip_prefix("hearth").unwrap_or_default();
        if REPEATED_COMMANDS.contains(&command)
            && let Some(repetition) = self.render_repetition(command)
        {
            return repetition;
        }
        let has = |flag: &str| arguments.split([' ', '=']).any(|word| word == flag);
        let is_about_tool = self.tool.is_some() && self.is_about_tool(arguments);
        let mut text = "hearth".to_owned();
        let server = self.server.as_ref().filter(|server| !has("--server") && !arguments.contains(*server));
        let tool = self.tool.as_ref().filter(|_| is_about_tool && !has("--tool"));
        for (flag, value) in [("--server", server), ("--tool", tool)] {
            if let Some(value) = value {
                text.push_str(&format!(" {flag} {}", quote_argument(value)));
            }
        }
        text + arguments
    }

    /// Returns the running command with its arguments, if it is this command and a repetition does the same.
    fn render_repetition(&self, command: &str) -> Option<String> {
        let typed = self.typed.as_ref()?;
        if typed.words_before_separator().any(|word| UNREPEATED_FLAGS.contains(&word)) {
            return None;
        }
        let line = typed.render_without(&OUTPUT_FLAGS);
        line.starts_with(&format!("{command} ")).then_some(line)
    }

    /// Returns true if the command of these arguments is about one tool, by the definition of the commands.
    fn is_about_tool(&self, arguments: &str) -> bool {
        let Some(typed) = &self.typed else { return true };
        let mut command = typed.find_tree();
        for word in arguments.split_whitespace() {
            let Some(below) = command.find_subcommand(word) else { break };
            if below.get_groups().any(|group| group.get_id() == WITHOUT_TOOL_GROUP) {
                return false;
            }
            command = below;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::find_whole_tree;

    fn keep_flags(words: &[&str]) -> KeptFlags {
        let arguments: Vec<OsString> = ["hearth"].iter().chain(words).map(OsString::from).collect();
        KeptFlags::new(
            Some("https://h.example".to_owned()),
            Some("dup-finder".to_owned()),
            CommandLine::from_arguments(&arguments, find_whole_tree),
        )
    }

    #[test]
    fn proposal_keeps_server_and_tool() {
        let kept = keep_flags(&["status"]);
        for (proposal, expected) in [
            ("hearth", "hearth --server https://h.example --tool dup-finder"),
            ("hearth logs -f web", "hearth --server https://h.example --tool dup-finder logs -f web"),
            ("hearth login", "hearth --server https://h.example login"),
            ("hearth login https://h.example", "hearth login https://h.example"),
            ("hearth new x", "hearth --server https://h.example new x"),
            ("hearth newer", "hearth --server https://h.example --tool dup-finder newer"),
            ("hearth status --tool=x", "hearth --server https://h.example status --tool=x"),
            ("mkdir x && cd x && hearth new x", "mkdir x && cd x && hearth --server https://h.example new x"),
            (
                "correct the file, then hearth deploy",
                "correct the file, then hearth --server https://h.example --tool dup-finder deploy",
            ),
            ("ask an operator of this hearth", "ask an operator of this hearth"),
            ("hearthd doctor", "hearthd doctor"),
            ("check the address", "check the address"),
        ] {
            assert_eq!(kept.add_to_proposal(proposal), expected);
        }
    }

    #[test]
    fn proposal_without_given_flags_is_unchanged() {
        let kept = KeptFlags::default();
        for proposal in ["hearth", "hearth logs -f", "then hearth deploy", "add a Procfile"] {
            assert_eq!(kept.add_to_proposal(proposal), proposal);
        }
    }

    #[test]
    fn repeated_command_keeps_all_its_arguments() {
        let kept = keep_flags(&["deploy", "my src", "-q", "--port", "9000", "--tool", "dup-finder"]);
        assert_eq!(
            kept.add_to_proposal("listen on 0.0.0.0:$PORT, then hearth deploy"),
            "listen on 0.0.0.0:$PORT, then hearth deploy 'my src' --port 9000 --tool dup-finder"
        );
        let following = keep_flags(&["deploy", "--follow"]);
        assert!(!following.add_to_proposal("hearth deploy").contains("--follow"));
    }
}
