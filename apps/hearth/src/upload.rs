//! Sending a folder to be built.

use std::path::Path;

use hearth_base::Result;
use hearth_client::body;
use hearth_wire::builds::Source;
use http_body_util::Full;

use crate::{
    at_tool::AtTool,
    context::Context,
    pack::{Packed, pack, told},
};

/// Packs `folder` and uploads it.
pub async fn upload(cx: &Context, at: &AtTool<'_>, folder: &Path) -> Result<Source> {
    let folder = folder.to_owned();
    // Packing keeps a processor busy; Ctrl-C is heard meanwhile.
    let packing = tokio::task::spawn_blocking(move || pack(&folder));
    let packing = cx.patiently("the folder to be packed", packing).await;
    let Packed { bytes, files } = packing.map_err(hearth_base::Error::internal)??;
    cx.printer.note(&format!("uploading {files} files, {} packed", told(bytes.len() as u64)));
    let archive = body(Full::new(bytes.into()));
    at.ask(at.client().builds().upload(at.name(), archive)).await
}
