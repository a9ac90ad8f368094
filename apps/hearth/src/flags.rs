//! Flags of many commands, and the template of their help.

use clap::Args;
use hearth_base::ToolName;

use crate::{
    printer::{ColorChoice, Fields},
    settings::ServerAddress,
};

/// The help template: the example comes first.
pub const HELP_TEMPLATE: &str = "{before-help}{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}\n\nAll flags: --help";

/// The flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArgs {
    /// Use this server
    #[arg(long, global = true, value_name = "ADDRESS", hide_short_help = true)]
    pub server: Option<ServerAddress>,
    /// Use this tool
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub tool: Option<ToolName>,
    /// Print the result and errors as JSON, or only these fields
    #[arg(
        long,
        global = true,
        value_name = "FIELDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        hide_short_help = true
    )]
    pub json: Option<Fields>,
    /// Ask nothing, and confirm destructive changes
    #[arg(
        long,
        short = 'y',
        global = true,
        aliases = ["yes-i-know", "yes-im-sure"],
        hide_short_help = true
    )]
    pub yes: bool,
    /// Use colours: auto, always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub color: ColorChoice,
    /// Print more, such as the id of a refused request
    #[arg(long, short, global = true, alias = "debug", short_alias = 'd', hide_short_help = true)]
    pub verbose: bool,
    /// Print results and errors only
    #[arg(long, short, global = true, hide_short_help = true)]
    pub quiet: bool,
}

/// The flag `--dry-run`.
#[derive(Debug, Clone, Copy, Args)]
pub struct DryRun {
    /// Show the changes without making them
    #[arg(long)]
    pub dry_run: bool,
}
