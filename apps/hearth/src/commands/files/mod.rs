//! `hearth files …`: files of a tool's home, without a running job.

mod copied_files;
mod copy;
mod delete;
mod download;
mod home_path;
mod list;
mod upload;
mod usage;

use hearth_base::Result;

use crate::{context::CommandContext, flags::HELP_TEMPLATE};

/// Commands about files.
#[derive(Debug, clap::Subcommand)]
pub enum FilesCommand {
    /// List a folder of the home
    #[command(before_help = "Example: hearth files list data", help_template = HELP_TEMPLATE, visible_alias = "ls")]
    List(list::ListFilesArgs),
    /// Copy a file or folder to the home, or from it: home:PATH
    #[command(before_help = "Example: hearth files copy data.csv home:input/", help_template = HELP_TEMPLATE, visible_alias = "cp")]
    Copy(copy::CopyFilesArgs),
    /// Delete a file or folder of the home
    #[command(before_help = "Example: hearth files delete old.csv", help_template = HELP_TEMPLATE, visible_alias = "rm")]
    Delete(delete::DeleteFileArgs),
    /// Show the used space of the home, and its quota
    #[command(before_help = "Example: hearth files usage", help_template = HELP_TEMPLATE)]
    Usage,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: FilesCommand) -> Result<()> {
    match command {
        FilesCommand::List(args) => list::run(cx, args).await,
        FilesCommand::Copy(args) => copy::run(cx, args).await,
        FilesCommand::Delete(args) => delete::run(cx, args).await,
        FilesCommand::Usage => usage::run(cx).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &FilesCommand) -> &'static str {
    match command {
        FilesCommand::Copy(_) => "some files may be copied already; each file is complete or unchanged",
        FilesCommand::Delete(_) => "some files may be deleted already; hearth files list shows the rest",
        FilesCommand::List(_) | FilesCommand::Usage => "nothing was changed",
    }
}
