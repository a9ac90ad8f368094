//! `hearth files list [PATH]`.

use hearth_base::Result;
use hearth_wire::storage::{FileEntry, FileKind};

use super::home_path::{fetch_listing, parse_home_path};
use crate::{
    context::CommandContext,
    pack::format_size,
    printer::{Cell, Table},
};

/// The arguments of `hearth files list`.
#[derive(Debug, clap::Args)]
pub struct ListFilesArgs {
    /// The folder or file; default: the home
    #[arg(default_value = "", hide_default_value = true)]
    path: String,
}

/// Lists the entries of the folder.
pub async fn run(cx: &CommandContext, args: ListFilesArgs) -> Result<()> {
    let result = cx.printer.open_output::<FileEntry>()?;
    let session = cx.open_tool_session()?;
    let listing = fetch_listing(&session, parse_home_path(&args.path).unwrap_or(&args.path)).await?;
    let is_folder = listing.entry.kind == FileKind::Folder;
    let entries = if is_folder { listing.entries } else { vec![listing.entry] };
    let mut table = Table::with_headings(&["name", "size", "mode", "changed"]);
    for entry in &entries {
        let (ending, size) = match entry.kind {
            FileKind::Folder => ("/", String::new()),
            FileKind::Link => ("@", String::new()),
            FileKind::File | FileKind::Other => ("", format_size(entry.size)),
        };
        table.add_row([
            Cell::from(format!("{}{ending}", entry.name)),
            Cell::from(size),
            Cell::from(entry.mode.as_str()),
            Cell::from(entry.modified),
        ]);
    }
    result.print_list(&entries, &table)?;
    if entries.is_empty() {
        cx.printer.print_note("The folder is empty.");
        cx.printer.print_next("hearth files copy FILE home:");
    }
    if listing.truncated {
        cx.printer.print_note(&format!("Only {} entries are listed; there are more.", entries.len()));
    }
    Ok(())
}
