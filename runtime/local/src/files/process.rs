//! The file process: it enters a sandbox whose root is the storage, executes one request, and writes the reply
//! to standard output.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::PathBuf,
};

use hearth_runtime_api::{FileFailure, FileReply, FileRequest};
use rustix::mount::MountPropagationFlags;

use super::{
    FileTask, TASK_VARIABLE,
    operations::{self, FileError},
    walk,
};
use crate::{layers::sandbox, storage::attach, sys::child};

/// Maximum size of one file: the size of a loop device's largest disk. The quota of the storage is enforced by
/// its file system.
const MAX_FILE_BYTES: u64 = 1 << 44;
/// Bytes that are copied at a time.
const COPY_BYTES: usize = 256 << 10;

/// The file process's `main`.
pub fn main() -> i32 {
    let done = read_task().and_then(|task| {
        sandbox::enter_sandbox(&mount_storage(&task)?, MAX_FILE_BYTES)?;
        serve_request(&task.request, task.disk.is_some())
    });
    match done {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variable is no setting: the runtime passes the task in it"
)]
fn read_task() -> io::Result<FileTask> {
    let text = std::env::var(TASK_VARIABLE).map_err(io::Error::other)?;
    Ok(serde_json::from_str(&text)?)
}

/// Mounts the disk of the storage, which no other process sees, and returns the folder with its files.
fn mount_storage(task: &FileTask) -> io::Result<PathBuf> {
    let Some(owner) = task.disk else { return Ok(task.storage.clone()) };
    child::unshare_namespaces(libc::CLONE_NEWNS)?;
    rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    attach::mount_disk(&task.storage, owner, &task.mount_point)
}

fn serve_request(request: &FileRequest, has_disk: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let FileRequest::Read { path } = request {
        return match operations::open_file(path) {
            Ok((entry, file)) => {
                write_reply(&mut out, &FileReply::Content(entry.clone()))?;
                // The size may change meanwhile: the caller gets as many bytes as were announced, or fewer.
                copy_bytes(&mut file.take(entry.size), &mut out)
            }
            Err(error) => write_reply(&mut out, &to_failure(path, &error)),
        };
    }
    let reply = execute_request(request, has_disk, &mut io::stdin().lock())
        .unwrap_or_else(|error| to_failure(request.requested_path(), &error));
    write_reply(&mut out, &reply)
}

/// Executes a request other than a read.
fn execute_request(
    request: &FileRequest,
    has_disk: bool,
    input: &mut impl Read,
) -> Result<FileReply, FileError> {
    match request {
        FileRequest::List { path } => operations::list_folder(path).map(FileReply::Listing),
        FileRequest::Write { path, size, mode } => {
            let entry = operations::write_file(path, *mode, |file: &mut File| {
                let copied = copy_bytes_counted(&mut input.take(*size), file)?;
                if copied == *size { Ok(()) } else { Err(FileError::Incomplete { copied, size: *size }) }
            })?;
            Ok(FileReply::Changed(Some(entry)))
        }
        FileRequest::MakeFolder { path } => {
            operations::make_folder(path).map(|entry| FileReply::Changed(Some(entry)))
        }
        FileRequest::Remove { path, recursive } => {
            walk::remove_entry(path, *recursive).map(|()| FileReply::Changed(None))
        }
        FileRequest::Measure {} if has_disk => operations::measure_disk().map(FileReply::Usage),
        FileRequest::Measure {} => walk::measure_usage().map(FileReply::Usage),
        FileRequest::Read { .. } => Err(FileError::Io(io::Error::other("a read has its own reply"))),
    }
}

fn to_failure(path: &str, error: &FileError) -> FileReply {
    let (code, problem) = error.describe_failure();
    let path = if path.is_empty() { "/" } else { path };
    FileReply::Failed(FileFailure { code: code.to_owned(), message: format!("{path}: {problem}") })
}

fn write_reply(out: &mut impl Write, reply: &FileReply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

fn copy_bytes(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    copy_bytes_counted(from, to)?;
    to.flush()
}

/// Copies by reads and writes only: the sandbox forbids the faster system calls.
fn copy_bytes_counted(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    let (mut buffer, mut copied) = (vec![0; COPY_BYTES], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => {
                to.write_all(&buffer[..read])?;
                copied += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
