//! Exec: runs a further program in a running container, by a subprocess that enters the container's
//! namespaces.

mod container_entry;
mod frames;
mod relay;

use std::{process::Stdio, time::Duration};

use hearth_base::{Error, Result, Secret};
use hearth_runtime_api::{
    ExecInput, ExecOutput, ExecRequest, ExecSession, Isolation, Process, TerminalSize, Termination,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout, Command},
    sync::mpsc,
};

use crate::{
    helper::files::ProcessIdentity,
    host_error::HostErrorContext,
    reexec::{self, Subprocess},
};

pub use relay::main;

use frames::ExecFrameKind;

/// Time for the exec process to exit after its streams have ended.
const PROCESS_EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Terminal type of a program with a terminal whose environment has no `TERM`. Almost every terminal emulator is
/// compatible with it.
const DEFAULT_TERM: &str = "xterm-256color";

/// Request to the exec process.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecProcessRequest {
    /// Init process of the container.
    pub init: ProcessIdentity,
    pub cgroup: String,
    pub isolation: Isolation,
    pub process: Process,
    pub terminal: Option<TerminalSize>,
    /// Time limit: the program and its children are killed when it runs longer.
    pub time_limit: Option<Duration>,
}

/// Container that the program runs in.
pub struct ExecTarget {
    /// Init process of the container.
    pub init: ProcessIdentity,
    pub cgroup: String,
    pub isolation: Isolation,
}

/// Starts the program and forwards its streams.
pub async fn start_program(
    container: ExecTarget,
    exec: ExecRequest,
    time_limit: Option<Duration>,
) -> Result<ExecSession> {
    let ExecTarget { init, cgroup, isolation } = container;
    let ExecRequest { instance, mut process, terminal } = exec;
    if terminal.is_some() {
        process.env.entry("TERM".to_owned()).or_insert_with(|| Secret::new(DEFAULT_TERM.to_owned()));
    }
    let request = ExecProcessRequest { init, cgroup, isolation, process, terminal, time_limit };
    let mut command = Command::from(reexec::build_command(Subprocess::Exec));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(format_args!("starting the exec process for {instance}"))?;
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("the child has no standard streams"));
    };
    let request = serde_json::to_vec(&request).map_err(Error::internal)?;
    to.write_all(&frames::encode_header(ExecFrameKind::Data, request.len()))
        .await
        .with_context(format_args!("starting the exec process for {instance}"))?;
    to.write_all(&request).await.with_context(format_args!("starting the exec process for {instance}"))?;
    let (mut session, inputs, outputs) = ExecSession::new_with_channels();
    session.attach_task(async move {
        let end = tokio::select! {
            end = forward_output(from, &outputs) => end,
            end = forward_input(to, inputs) => end,
        };
        let _ = outputs.send(ExecOutput::Ended(end)).await;
        // The child is reaped in any case, so that its process id becomes free.
        if tokio::time::timeout(PROCESS_EXIT_TIMEOUT, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    });
    Ok(session)
}

async fn forward_input(mut to: ChildStdin, mut inputs: mpsc::Receiver<ExecInput>) -> Termination {
    loop {
        let input = inputs.recv().await.unwrap_or(ExecInput::Close);
        let close = input == ExecInput::Close;
        let (kind, bytes) = match input {
            ExecInput::Data(bytes) => (ExecFrameKind::Data, bytes),
            ExecInput::Close => (ExecFrameKind::Close, Vec::new()),
            ExecInput::Resize(size) => (ExecFrameKind::Resize, serde_json::to_vec(&size).unwrap_or_default()),
        };
        let sent = async {
            to.write_all(&frames::encode_header(kind, bytes.len())).await?;
            to.write_all(&bytes).await
        };
        // After the last input, or when the program no longer reads, only the output ends the session.
        if sent.await.is_err() || close && inputs.is_closed() {
            std::future::pending::<()>().await;
        }
    }
}

async fn forward_output(mut from: ChildStdout, outputs: &mpsc::Sender<ExecOutput>) -> Termination {
    loop {
        let mut head = [0; frames::HEADER_BYTES];
        if from.read_exact(&mut head).await.is_err() {
            return Termination::Lost;
        }
        let Some((kind, size)) = frames::decode_header(head) else { return Termination::Lost };
        let mut bytes = vec![0; size];
        if from.read_exact(&mut bytes).await.is_err() {
            return Termination::Lost;
        }
        let output = match kind {
            ExecFrameKind::Data => ExecOutput::Out(bytes),
            ExecFrameKind::Stderr => ExecOutput::Err(bytes),
            _ => return serde_json::from_slice(&bytes).unwrap_or(Termination::Lost),
        };
        if outputs.send(output).await.is_err() {
            return Termination::Lost;
        }
    }
}
