//! Copies files of this machine to a home.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use hearth_base::{Error, Result};
use hearth_client::{Body, box_body};
use hearth_wire::storage::{FileKind, FileQuery, FileWriteQuery};
use http_body::Frame;
use http_body_util::StreamBody;

use super::{
    copied_files::CopiedFiles,
    home_path::{extract_last_part, find_listing, join_home_path},
};
use crate::{context::CommandContext, io_error::describe_io_error, local_file, tool_session::ToolSession};

/// Bytes that are read from a file at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Copies a file, or a folder with its content, to `target` in the home. An existing folder `target` gets it as
/// an entry.
pub async fn copy_to_home(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    source: &str,
    target: &str,
    is_dry_run: bool,
) -> Result<CopiedFiles> {
    let local = PathBuf::from(source);
    let metadata = std::fs::metadata(&local).map_err(|cause| build_read_error(&local, &cause))?;
    let existing = find_listing(session, target).await?;
    let is_folder =
        target.ends_with('/') || existing.is_some_and(|found| found.entry.kind == FileKind::Folder);
    let name = local.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let to = match (is_folder, name) {
        (true, Some(name)) => join_home_path(target, &name),
        _ => target.to_owned(),
    };
    if extract_last_part(&to).is_empty() {
        return Err(Error::invalid("file-path", format!("{source} has no name that the copy could have"))
            .help("name the target: home:NAME"));
    }
    let mut copied = CopiedFiles::default();
    let mut open = vec![(local, to, metadata.is_dir())];
    while let Some((local, remote, is_dir)) = open.pop() {
        if is_dir {
            open.extend(read_folder(&local, &remote, &mut copied)?);
            if !is_dry_run {
                let query = FileQuery { path: remote };
                session.send(session.client().storage().make_folder(session.tool_name(), &query)).await?;
            }
            continue;
        }
        let sent = send_file(session, &local, remote, is_dry_run);
        copied.bytes += cx.wait_with_notices(&local.display().to_string(), sent).await?;
        copied.files += 1;
    }
    Ok(copied)
}

/// Reads the entries of a folder, with their places in the home.
fn read_folder(
    folder: &Path,
    remote: &str,
    copied: &mut CopiedFiles,
) -> Result<Vec<(PathBuf, String, bool)>> {
    let refused = |cause: std::io::Error| build_read_error(folder, &cause);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        let kind = entry.file_type().map_err(refused)?;
        match entry.file_name().to_str() {
            Some(name) if kind.is_dir() || kind.is_file() => {
                entries.push((entry.path(), join_home_path(remote, name), kind.is_dir()));
            }
            _ => copied.skipped.push(entry.path().display().to_string()),
        }
    }
    Ok(entries)
}

/// Sends one file and returns its size.
async fn send_file(session: &ToolSession<'_>, local: &Path, remote: String, is_dry_run: bool) -> Result<u64> {
    let refused = |cause: std::io::Error| build_read_error(local, &cause);
    let file = File::open(local).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    if is_dry_run {
        return Ok(metadata.len());
    }
    let mode = format!("{:03o}", metadata.permissions().mode() & 0o777);
    let query = FileWriteQuery { path: remote, mode: Some(mode) };
    let (calls, size) = (session.client().storage(), metadata.len());
    session.send(calls.write_file(session.tool_name(), &query, size, stream_file(file, size))).await?;
    Ok(size)
}

/// Streams `size` bytes of a file, or fewer if it became shorter, which the server refuses.
fn stream_file(file: File, size: u64) -> Body {
    let mut file = file.take(size);
    let chunks = std::iter::from_fn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        match file.read(&mut chunk) {
            Ok(0) => None,
            Ok(read) => {
                chunk.truncate(read);
                Some(Ok(Frame::data(Bytes::from(chunk))))
            }
            Err(cause) => Some(Err(cause)),
        }
    });
    box_body(StreamBody::new(futures::stream::iter(chunks)))
}

fn build_read_error(path: &Path, cause: &std::io::Error) -> Error {
    local_file::build_read_error(path, &describe_io_error(cause)).help("hearth files copy FILE home:")
}
