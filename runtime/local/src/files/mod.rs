//! File sessions: a subprocess whose root is the storage of a tool executes one request of a caller outside of
//! any container. The runtime process itself opens no file of a tool.

pub mod operations;
mod process;
mod walk;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use hearth_base::{Error, Result};
use hearth_runtime_api::{
    ExecInput, ExecOutput, ExecSession, FileEntry, FileFailure, FileKind, FileListing, FileReply,
    FileRequest, StorageUsage, Termination,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot},
};

use crate::{
    driver::ContainerManager,
    host_error::HostErrorContext,
    reexec::{self, Subprocess},
    storage::{self, DiskOwner, StoragePlace},
    tools::NumberUse,
};

pub use process::main;

/// Environment variable of the file process with its [`FileTask`]. Unlike an argument list, other users of the
/// host cannot read it.
const TASK_VARIABLE: &str = "HEARTH_FILE_TASK";

/// Bytes of one message of a session.
const CHUNK_BYTES: usize = 64 << 10;

/// Request to the file process.
#[derive(Debug, Serialize, Deserialize)]
struct FileTask {
    /// The storage: a disk file, or a folder.
    storage: PathBuf,
    /// Owner of a new disk; absent for a folder.
    disk: Option<DiskOwner>,
    /// Mount point of a disk, in the process's own mount namespace.
    mount_point: PathBuf,
    request: FileRequest,
}

/// Starts the process of one request, which uses the tool's number until its end. Dropping the session ends its input:
/// the process deletes an incomplete file and exits.
pub fn start_session(
    manager: &ContainerManager,
    place: StoragePlace,
    used: NumberUse,
    request: FileRequest,
) -> Result<ExecSession> {
    let StoragePlace { path: storage, disk } = place;
    let written_disk = disk.filter(|_| request.is_change()).map(|_| storage.clone());
    let mount_point = manager.layout.mounts_folder();
    let task = FileTask { storage, disk, mount_point, request };
    let task = serde_json::to_string(&task).map_err(Error::internal)?;
    let mut command = Command::from(reexec::build_command(Subprocess::Files));
    command.env(TASK_VARIABLE, task).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context("starting the file process")?;
    let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("the child has no standard streams"));
    };
    // A task of its own, because the session may end before the process.
    let (report, ended) = oneshot::channel();
    manager.spawn_task(async move {
        let status = child.wait().await;
        drop(used);
        // An error means that the session has ended.
        let _ = report.send(status);
        if let Some(disk) = written_disk {
            // An error means that the runtime shuts down.
            let _ = tokio::task::spawn_blocking(move || storage::reclaim_space(&disk)).await;
        }
    });
    let (mut session, inputs, outputs) = ExecSession::new_with_channels();
    session.attach_task(async move {
        tokio::join!(forward_input(to, inputs), forward_output(from, &outputs));
        let end = match ended.await {
            Ok(Ok(status)) => status.code().map_or(Termination::Lost, |code| Termination::Exited { code }),
            _ => Termination::Lost,
        };
        // An error means that the caller has left.
        let _ = outputs.send(ExecOutput::Ended(end)).await;
    });
    Ok(session)
}

/// Answers a request that changes nothing about a storage that was never made: it is an empty folder.
pub fn answer_without_storage(request: &FileRequest) -> ExecSession {
    let root = FileEntry { name: String::new(), kind: FileKind::Folder, size: 0, mode: 0o700, modified: 0 };
    let is_root = operations::resolve_path(request.requested_path()) == Path::new("/");
    let reply = match request {
        FileRequest::Measure {} => FileReply::Usage(StorageUsage::default()),
        FileRequest::List { .. } if is_root => {
            FileReply::Listing(FileListing { entry: root, entries: Vec::new(), truncated: false })
        }
        request => FileReply::Failed(FileFailure {
            code: "no-such-file".to_owned(),
            message: format!("{}: there is no such file or folder", request.requested_path()),
        }),
    };
    let (mut session, _inputs, outputs) = ExecSession::new_with_channels();
    session.attach_task(async move {
        let mut line = serde_json::to_vec(&reply).unwrap_or_default();
        line.push(b'\n');
        // An error means that the caller has left.
        let _ = outputs.send(ExecOutput::Out(line)).await;
        let _ = outputs.send(ExecOutput::Ended(Termination::Exited { code: 0 })).await;
    });
    session
}

/// Forwards the content of a file that is written, until the caller closes it or the process reads no more.
async fn forward_input(mut to: ChildStdin, mut inputs: mpsc::Receiver<ExecInput>) {
    while let Some(input) = inputs.recv().await {
        match input {
            ExecInput::Data(bytes) if to.write_all(&bytes).await.is_ok() => {}
            ExecInput::Resize(_) => {}
            ExecInput::Data(_) | ExecInput::Close => return,
        }
    }
}

async fn forward_output(mut from: ChildStdout, outputs: &mpsc::Sender<ExecOutput>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                if outputs.send(ExecOutput::Out(chunk[..read].to_vec())).await.is_err() {
                    return;
                }
            }
        }
    }
}
