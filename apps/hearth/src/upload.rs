//! Upload of a folder as a build source.

use std::path::Path;

use hearth_base::Result;
use hearth_client::box_body;
use hearth_wire::builds::UploadedFolder;
use http_body_util::Full;

use crate::{
    context::CommandContext,
    pack::{PackedFolder, format_size, pack_folder},
    tool_session::ToolSession,
};

/// Packs `folder` and uploads it.
pub async fn upload_folder(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    folder: &Path,
) -> Result<UploadedFolder> {
    let folder = folder.to_owned();
    // Packing is CPU-bound: a blocking thread keeps Ctrl-C working.
    let packing = tokio::task::spawn_blocking(move || pack_folder(&folder));
    let packing = cx.wait_with_notices("the folder to be packed", packing).await;
    let PackedFolder { bytes, files } = packing.map_err(hearth_base::Error::internal)??;
    cx.printer.print_note(&format!("uploading {files} files ({} packed)", format_size(bytes.len() as u64)));
    let archive = box_body(Full::new(bytes.into()));
    session.send(session.client().builds().upload(session.tool_name(), archive)).await
}
