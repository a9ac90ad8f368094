//! `hearth files delete PATH`.

use hearth_base::{Error, Result};
use hearth_wire::storage::{FileDeleteQuery, FileEntry, FileKind};

use super::home_path::{fetch_listing, parse_home_path};
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth files delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteFileArgs {
    /// The file or folder of the home
    path: String,
    /// Delete a folder with its content
    #[arg(long, short)]
    recursive: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes the file or folder.
pub async fn run(cx: &CommandContext, args: DeleteFileArgs) -> Result<()> {
    let result = cx.printer.open_output::<FileEntry>()?;
    let session = cx.open_tool_session()?;
    let path = parse_home_path(&args.path).unwrap_or(&args.path).trim_matches('/').to_owned();
    if path.is_empty() {
        return Err(Error::invalid("file-path", "the home itself cannot be deleted")
            .help("hearth files list (shows its files)"));
    }
    let listing = fetch_listing(&session, &path).await?;
    let has_content = listing.entry.kind == FileKind::Folder && !listing.entries.is_empty();
    if has_content && !args.recursive {
        return Err(Error::conflict("folder-not-empty", format!("{path} is a folder that is not empty"))
            .help(cx.command_line.with_argument("--recursive")));
    }
    let subject = match (has_content, listing.entries.len(), listing.truncated) {
        (false, ..) => path.clone(),
        (true, count, false) => format!("{path} with its {count} entries"),
        (true, count, true) => format!("{path} with more than {count} entries"),
    };
    if args.dry_run.dry_run {
        return result.print_sentence(&listing.entry, &format!("would delete {subject}"));
    }
    cx.require_confirmation("delete", &subject).await?;
    let query = FileDeleteQuery { path, recursive: args.recursive };
    session.send(session.client().storage().delete_file(session.tool_name(), &query)).await?;
    result.print_done(&listing.entry, &format!("{subject} is deleted"))
}
