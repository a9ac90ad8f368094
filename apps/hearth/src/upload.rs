//! Upload of a folder as a build source.

use std::path::{Path, PathBuf};

use hearth_base::{Error, Result};
use hearth_client::box_body;
use hearth_wire::builds::UploadedFolder;
use http_body_util::Full;

use crate::{
    context::CommandContext,
    pack::{FolderSelection, PackedFolder, format_size, pack_files, select_files},
    tool_session::ToolSession,
};

/// The arguments of commands that upload a folder.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct UploadArgs {
    /// Upload also this file or folder, which is left out by default; may be repeated
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath, hide_short_help = true)]
    include: Vec<PathBuf>,
}

impl UploadArgs {
    /// Refuses `--include` for a source that is no folder.
    pub fn check_unused(&self) -> Result<()> {
        if self.include.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(
            "include-of-repository",
            "--include applies to folders only; a repository is built with all its files",
        )
        .help("omit --include"))
    }

    /// Selects the files of `folder`, and prints what is left out and what will be missing.
    pub async fn select_folder(&self, cx: &CommandContext, folder: &Path) -> Result<FolderSelection> {
        cx.settings.folder.open_subfolder(folder)?.check_uploadable()?;
        let (folder, include) = (folder.to_owned(), self.include.clone());
        // Reading the folder blocks: a thread of its own keeps Ctrl-C working.
        let selecting = tokio::task::spawn_blocking(move || select_files(&folder, &include));
        let selection = cx.wait_with_notices("the files of the folder", selecting).await;
        let selection = selection.map_err(Error::internal)??;
        if let Some(sentence) = selection.describe_left_out() {
            cx.printer.print_note(&sentence);
        }
        selection.warnings.iter().for_each(|sentence| cx.printer.print_warning(sentence));
        Ok(selection)
    }
}

/// Packs the selected files and uploads them, if the caller may.
pub async fn upload_files(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    selection: FolderSelection,
) -> Result<UploadedFolder> {
    session.check_right_to_change().await?;
    // Packing is CPU-bound: a blocking thread keeps Ctrl-C working.
    let now = cx.printer.now();
    let packing = tokio::task::spawn_blocking(move || pack_files(&selection, now));
    let packing = cx.wait_with_notices("the folder to be packed", packing).await;
    let PackedFolder { bytes, files } = packing.map_err(Error::internal)??;
    let counted = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    cx.printer.print_note(&format!("uploading {counted} ({} packed)", format_size(bytes.len() as u64)));
    let archive = box_body(Full::new(bytes.into()));
    session.send(session.client().builds().upload(session.tool_name(), archive)).await
}
