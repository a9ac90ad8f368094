//! Flags that many commands take, and the form of their help.

use clap::Args;
use hearth_base::ToolName;

use crate::{
    printer::{ColorChoice, Fields},
    settings::Server,
};

/// Every help starts with its example.
pub const TEMPLATE: &str = "{before-help}{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}\n\nAll flags: --help";

/// The flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Speak to this server
    #[arg(long, global = true, value_name = "ADDRESS", hide_short_help = true)]
    pub server: Option<Server>,
    /// Be about this tool instead of the folder's
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub tool: Option<ToolName>,
    /// Print the result and errors as JSON, perhaps only some fields
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
    /// Ask nothing, and go on with what is dangerous
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
    /// Say more: which request was refused
    #[arg(long, short, global = true, alias = "debug", short_alias = 'd', hide_short_help = true)]
    pub verbose: bool,
    /// Print results and errors only
    #[arg(long, short, global = true, hide_short_help = true)]
    pub quiet: bool,
}

/// Only saying what would be done.
#[derive(Debug, Clone, Copy, Args)]
pub struct DryRun {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}
