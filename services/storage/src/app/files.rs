//! Files of a home.

use bytes::Bytes;
use futures::Stream;
use hearth_base::{Error, Result};
use hearth_kit::guard::MemberCaller;
use hearth_runtime_api::{FileEntry, FileListing, FileReply, FileRequest, StorageUsage};

use super::session::{FileContent, open_session};
use crate::context::StorageContext;

/// Measures a home.
pub async fn measure_home(cx: &StorageContext, caller: &MemberCaller) -> Result<StorageUsage> {
    match send_request(cx, caller, FileRequest::Measure {}).await? {
        FileReply::Usage(usage) => Ok(usage),
        other => Err(unexpected_reply_error(&other)),
    }
}

/// Describes a file, or a folder with its entries.
pub async fn list_files(cx: &StorageContext, caller: &MemberCaller, path: String) -> Result<FileListing> {
    match send_request(cx, caller, FileRequest::List { path }).await? {
        FileReply::Listing(listing) => Ok(listing),
        other => Err(unexpected_reply_error(&other)),
    }
}

/// Opens a file for reading.
pub async fn read_file(
    cx: &StorageContext,
    caller: &MemberCaller,
    path: String,
) -> Result<(FileEntry, FileContent)> {
    match open_session(cx, caller, FileRequest::Read { path }).await?.read_reply().await? {
        (FileReply::Content(entry), content) => Ok((entry, content)),
        (other, _) => Err(unexpected_reply_error(&other)),
    }
}

/// Writes a file of `size` bytes.
pub async fn write_file<S, E>(
    cx: &StorageContext,
    caller: &MemberCaller,
    request: (String, u64, Option<u32>),
    content: S,
) -> Result<FileEntry>
where
    S: Stream<Item = std::result::Result<Bytes, E>>,
{
    let (path, size, mode) = request;
    let session = open_session(cx, caller, FileRequest::Write { path, size, mode }).await?;
    session.send_content(content).await?;
    match session.read_reply().await?.0 {
        FileReply::Changed(Some(entry)) => Ok(entry),
        other => Err(unexpected_reply_error(&other)),
    }
}

/// Makes a folder.
pub async fn make_folder(cx: &StorageContext, caller: &MemberCaller, path: String) -> Result<FileEntry> {
    match send_request(cx, caller, FileRequest::MakeFolder { path }).await? {
        FileReply::Changed(Some(entry)) => Ok(entry),
        other => Err(unexpected_reply_error(&other)),
    }
}

/// Deletes a file or folder.
pub async fn delete_file(
    cx: &StorageContext,
    caller: &MemberCaller,
    path: String,
    recursive: bool,
) -> Result<()> {
    match send_request(cx, caller, FileRequest::Remove { path, recursive }).await? {
        FileReply::Changed(None) => Ok(()),
        other => Err(unexpected_reply_error(&other)),
    }
}

async fn send_request(cx: &StorageContext, caller: &MemberCaller, request: FileRequest) -> Result<FileReply> {
    Ok(open_session(cx, caller, request).await?.read_reply().await?.0)
}

fn unexpected_reply_error(reply: &FileReply) -> Error {
    Error::internal(format!("unexpected reply of the file process: {reply:?}"))
}
