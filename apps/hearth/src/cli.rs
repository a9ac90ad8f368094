//! The tree of commands. What a command takes itself stands in its own file.

use std::ffi::OsString;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use crate::{
    commands::{
        admin, build, completion, deploy, envvars, exec, jobs, login, logout, logs, man, new, notify, open,
        status, tool, up, webhooks, webservice,
    },
    flags::{Global, TEMPLATE},
};

/// Build, run, share and find tools.
#[derive(Debug, Parser)]
#[command(
    name = "hearth",
    version,
    before_help = "Example: hearth deploy",
    after_help = "Also: admin, webhooks, webservice, whoami, logout, down, completion, man.\n\
                  hearth alone says where you are and what to do next. COMMAND -h shows an example.\n\
                  Everywhere: --server --tool --json[=FIELDS] --yes --color --quiet; see hearth --help.",
    after_long_help = "Also: admin, webhooks, webservice, whoami, logout, down, completion, man.\n\
                       hearth alone says where you are and what to do next. COMMAND -h shows an example.\n\
                       Environment: HEARTH_SERVER, HEARTH_TOKEN, HEARTH_TOOL, NO_COLOR, CI.",
    help_template = ALL,
    disable_help_flag = true,
    disable_version_flag = true,
    allow_external_subcommands = true,
    external_subcommand_value_parser = clap::value_parser!(OsString),
    max_term_width = 100
)]
pub struct Cli {
    /// The flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Print this help; -h is shorter
    #[arg(long, short, global = true, action = ArgAction::Help, hide_short_help = true)]
    help: Option<bool>,
    /// Print the version
    #[arg(long, short = 'V', action = ArgAction::Version, hide_short_help = true)]
    version: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The same for the program itself: its usage says nothing.
const ALL: &str = "{before-help}{about-with-newline}\n{all-args}{after-help}";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a Hearth on this machine, in the background
    #[command(before_help = "Example: hearth up --listen 127.0.0.1:8080", help_template = TEMPLATE)]
    Up(up::UpArgs),
    /// Sign in, or come in with a code
    #[command(before_help = "Example: hearth login https://hearth.example.org", help_template = TEMPLATE)]
    Login(login::Args),
    /// Make a tool and link this folder to it
    #[command(before_help = "Example: hearth new dup-finder", help_template = TEMPLATE)]
    New(new::Args),
    /// Build, run and publish this folder
    #[command(before_help = "Example: hearth deploy", help_template = TEMPLATE)]
    Deploy(Box<deploy::Args>),
    /// Open a tool's page
    #[command(before_help = "Example: hearth open", help_template = TEMPLATE)]
    Open(open::Args),
    /// Say which server and tool, and where each setting comes from; or how a tool is
    #[command(before_help = "Example: hearth status", help_template = TEMPLATE)]
    Status(status::Args),
    /// Print what a job wrote
    #[command(before_help = "Example: hearth logs -f web", help_template = TEMPLATE)]
    Logs(logs::Args),
    /// What runs: jobs, once, by the clock, or for ever
    #[command(before_help = "Example: hearth jobs list", help_template = TEMPLATE)]
    #[command(after_help = "Also: dump, flush, images, load, quota.")]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Jobs {
        /// What to do with them.
        #[command(subcommand)]
        command: jobs::Command,
    },
    /// Run a program, or a shell, where a job runs
    #[command(before_help = "Example: hearth exec web -- ls", help_template = TEMPLATE)]
    Exec(exec::Args),
    /// Variables that every run has
    #[command(before_help = "Example: hearth envvars list", help_template = TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Envvars {
        /// What to do with them.
        #[command(subcommand)]
        command: envvars::Command,
    },
    /// Mail about what becomes of jobs
    #[command(before_help = "Example: hearth notify status", help_template = TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Notify {
        /// What to do about it.
        #[command(subcommand)]
        command: notify::Command,
    },
    /// Images from sources
    #[command(before_help = "Example: hearth build plan", help_template = TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Build {
        /// What to do with them.
        #[command(subcommand)]
        command: build::Command,
    },
    /// Tools, their people, their end
    #[command(before_help = "Example: hearth tool list", help_template = TEMPLATE)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Tool {
        /// What to do with them.
        #[command(subcommand)]
        command: tool::Command,
    },
    /// Look after this Hearth, as an operator
    #[command(before_help = "Example: hearth admin queue list", help_template = TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Admin {
        /// A command for operators.
        #[command(subcommand)]
        command: admin::Command,
    },
    /// Addresses that are told what becomes of jobs
    #[command(before_help = "Example: hearth webhooks list", help_template = TEMPLATE, hide = true)]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Webhooks {
        /// What to do with them.
        #[command(subcommand)]
        command: webhooks::Command,
    },
    /// Start, stop and look at the tool's page, as Toolforge's webservice does
    #[command(before_help = "Example: hearth webservice buildservice start", help_template = TEMPLATE, hide = true)]
    Webservice(webservice::Args),
    /// Say who you are
    #[command(before_help = "Example: hearth whoami", help_template = TEMPLATE, hide = true)]
    Whoami,
    /// Sign out
    #[command(before_help = "Example: hearth logout", help_template = TEMPLATE, hide = true)]
    Logout(logout::Args),
    /// Stop it
    #[command(before_help = "Example: hearth down", help_template = TEMPLATE, hide = true)]
    Down(up::DownArgs),
    /// Print what completes commands in your shell
    #[command(before_help = "Example: hearth completion bash", help_template = TEMPLATE, hide = true)]
    Completion(completion::Args),
    /// Print a manual page, or write all of them into a folder
    #[command(before_help = "Example: hearth man jobs run", help_template = TEMPLATE, hide = true)]
    Man(man::Args),
    /// A program `hearth-NAME`.
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// The tree as its readers see it who have room: nothing is left out for a short help's sake.
pub fn whole() -> clap::Command {
    fn whole(command: clap::Command) -> clap::Command {
        command.hide(false).mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(whole)
    }
    whole(Cli::command())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command and every group of commands, by the words that lead to it.
    fn all() -> Vec<(String, clap::Command)> {
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
    fn the_tree_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_short_help_fits_24_lines_and_starts_with_an_example() {
        for (path, mut command) in all() {
            let help = command.render_help().to_string();
            assert!(help.lines().count() <= 24, "{path}: {} lines\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{path}\n{help}");
            assert!(help.starts_with("Example: hearth"), "{path}\n{help}");
        }
    }

    #[test]
    fn every_command_is_in_the_documentation() {
        let page = include_str!("../../../docs/commands.md");
        for (path, command) in all().into_iter().filter(|(_, command)| !command.has_subcommands()) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
            assert!(page.contains(&format!("| `{path}` | {about} |")), "{path}: run cargo xtask spec");
        }
    }

    #[test]
    fn every_example_is_a_command_that_is_understood() {
        for (path, command) in all() {
            let example = command.get_before_help().map(ToString::to_string).unwrap_or_default();
            let line = example.strip_prefix("Example: ").unwrap_or_default();
            assert!(line.starts_with(&path), "{path}: {line}");
            let words = line.split(" | ").last().unwrap_or_default().split_whitespace();
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{path}: {line}: {:?}", parsed.err().map(|error| error.kind()));
        }
    }
}
