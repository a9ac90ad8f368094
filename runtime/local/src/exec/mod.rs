//! A second program in a running container: a process of its own goes in, as the container's first one once did.

mod frames;
mod inside;
mod relay;

use std::{process::Stdio, time::Duration};

use hearth_base::{Error, Result};
use hearth_runtime_api::{End, Exec, ExecInput, ExecOutput, ExecSession, Isolation, Process, TerminalSize};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout, Command},
    sync::mpsc,
};

use crate::{
    again::{self, Part},
    failure::Doing,
    helper::files::Known,
};

pub use relay::main;

use frames::Kind;

/// The time that the process may take to end after its streams.
const MAX_END: Duration = Duration::from_secs(5);

/// What the process that goes in is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Errand {
    /// The container's first process.
    pub init: Known,
    pub cgroup: String,
    pub isolation: Isolation,
    pub process: Process,
    pub terminal: Option<TerminalSize>,
    /// The program and what it has started are killed when it runs longer.
    pub time_limit: Option<Duration>,
}

/// The container that a second program runs in.
pub struct Container {
    /// Its first process.
    pub init: Known,
    pub cgroup: String,
    pub isolation: Isolation,
}

/// Starts the program and carries its streams.
pub async fn start_program(
    container: Container,
    exec: Exec,
    time_limit: Option<Duration>,
) -> Result<ExecSession> {
    let Container { init, cgroup, isolation } = container;
    let Exec { instance, process, terminal } = exec;
    let errand = Errand { init, cgroup, isolation, process, terminal, time_limit };
    let mut command = Command::from(again::command(Part::Exec));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().doing(format_args!("going into {instance}"))?;
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("a child without streams"));
    };
    let errand = serde_json::to_vec(&errand).map_err(Error::internal)?;
    to.write_all(&frames::head(Kind::Data, errand.len()))
        .await
        .doing(format_args!("going into {instance}"))?;
    to.write_all(&errand).await.doing(format_args!("going into {instance}"))?;
    let (mut session, inputs, outputs) = ExecSession::pair();
    session.carried_by(async move {
        let end = tokio::select! {
            end = outward(from, &outputs) => end,
            end = inward(to, inputs) => end,
        };
        let _ = outputs.send(ExecOutput::Ended(end)).await;
        // It is over, or cut off and ends the program; either way its number must be given back.
        if tokio::time::timeout(MAX_END, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    });
    Ok(session)
}

async fn inward(mut to: ChildStdin, mut inputs: mpsc::Receiver<ExecInput>) -> End {
    loop {
        let input = inputs.recv().await.unwrap_or(ExecInput::Close);
        let close = input == ExecInput::Close;
        let (kind, bytes) = match input {
            ExecInput::Data(bytes) => (Kind::Data, bytes),
            ExecInput::Close => (Kind::Close, Vec::new()),
            ExecInput::Resize(size) => (Kind::Resize, serde_json::to_vec(&size).unwrap_or_default()),
        };
        let sent = async {
            to.write_all(&frames::head(kind, bytes.len())).await?;
            to.write_all(&bytes).await
        };
        // After the last input, or when nobody reads it, there is only the output to wait for.
        if sent.await.is_err() || close && inputs.is_closed() {
            std::future::pending::<()>().await;
        }
    }
}

async fn outward(mut from: ChildStdout, outputs: &mpsc::Sender<ExecOutput>) -> End {
    loop {
        let mut head = [0; frames::HEAD];
        if from.read_exact(&mut head).await.is_err() {
            return End::Lost;
        }
        let Some((kind, size)) = frames::parse(head) else { return End::Lost };
        let mut bytes = vec![0; size];
        if from.read_exact(&mut bytes).await.is_err() {
            return End::Lost;
        }
        let output = match kind {
            Kind::Data => ExecOutput::Out(bytes),
            Kind::Errors => ExecOutput::Err(bytes),
            _ => return serde_json::from_slice(&bytes).unwrap_or(End::Lost),
        };
        if outputs.send(output).await.is_err() {
            return End::Lost;
        }
    }
}
