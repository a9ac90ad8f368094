//! Server of the runtime's socket: authenticates callers and forwards their calls to a runtime.

use std::{sync::Arc, time::Duration};

use hearth_base::{Error, ErrorKind, Result};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use crate::Runtime;

use super::{
    PROTOCOL_VERSION,
    call::{Call, CallAnswer, CallEnvelope, LayerEnd},
    exec,
    failure::ErrorMessage,
    frame::{self, FrameKind},
};

/// Maximum wait of one long-polling call.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The callers that the server accepts.
#[derive(Debug, Clone)]
pub struct AllowedCallers {
    /// User ids of the host, compared with the peer credentials of a connection (`SO_PEERCRED`).
    pub uids: Vec<u32>,
}

/// Serves connections, each in a separate task; never returns. Dropping the future aborts all tasks.
pub async fn serve(listener: UnixListener, callers: AllowedCallers, runtime: Arc<dyn Runtime>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let allowed = stream.peer_cred().is_ok_and(|peer| callers.uids.contains(&peer.uid()));
                    tasks.spawn(serve_connection(stream, allowed, Arc::clone(&runtime)));
                }
                // No file descriptor is free. Wait for other connections to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Serves one connection. An error is sent to the client and not logged.
async fn serve_connection(mut stream: UnixStream, allowed: bool, runtime: Arc<dyn Runtime>) {
    let answered =
        if allowed { handle_call(&mut stream, &*runtime).await } else { Err(caller_refused_error()) };
    if let Err(error) = answered {
        let _ = frame::write_json(&mut stream, &CallAnswer::Failed(ErrorMessage::from(&error))).await;
    }
    let _ = stream.shutdown().await;
}

fn caller_refused_error() -> Error {
    Error::forbidden("runtime-caller", "user of the host is not allowed to use the container runtime")
        .help("run the caller as a user that the runtime's configuration allows")
}

async fn handle_call(stream: &mut UnixStream, runtime: &dyn Runtime) -> Result<()> {
    let CallEnvelope { protocol, call } = frame::read_json(stream).await?;
    if protocol == 0 || protocol > PROTOCOL_VERSION {
        return Err(Error::new(
            ErrorKind::Unprocessable,
            "runtime-protocol",
            format!("unsupported protocol version: {protocol}; allowed: 1 to {PROTOCOL_VERSION}"),
        )
        .help("upgrade the hearthd runtime process"));
    }
    let answer = match call {
        Call::Apply(workload) => runtime.apply(*workload).await.map(|()| CallAnswer::Done)?,
        Call::Stop { id, version, grace } => {
            runtime.stop(id, version, grace).await.map(|()| CallAnswer::Done)?
        }
        Call::Observe { after, wait } => {
            CallAnswer::Observation(runtime.observe_workloads(after, wait.min(MAX_WAIT)).await?)
        }
        Call::Acknowledge { id } => runtime.acknowledge_workload(id).await.map(|()| CallAnswer::Done)?,
        Call::Logs { instance, sequence, wait } => {
            CallAnswer::Log(runtime.read_logs(instance, sequence, wait.min(MAX_WAIT)).await?)
        }
        Call::Exec(request) => {
            let session = runtime.exec(*request).await?;
            frame::write_json(stream, &CallAnswer::Done).await?;
            return exec::relay_server(stream, session).await;
        }
        Call::Usage {} => CallAnswer::Usage(runtime.read_usage().await?),
        Call::EnsureImage(image) => CallAnswer::Layers(runtime.ensure_image(&image).await?),
        Call::AddLayer(layer) => {
            let (bytes, sender) = tokio::io::duplex(512 << 10);
            let (fed, added) =
                tokio::join!(relay_layer(stream, sender), runtime.add_layer(&layer, Box::new(bytes)));
            fed.and(added)?;
            CallAnswer::Done
        }
        Call::RemoveImages { keep, unused_for } => {
            CallAnswer::Images(runtime.remove_images(&keep, unused_for).await?)
        }
        Call::RefreshFile(refresh) => runtime.refresh_file(refresh).await.map(|()| CallAnswer::Done)?,
        Call::OpenFiles(request) => {
            let session = runtime.open_files(request).await?;
            frame::write_json(stream, &CallAnswer::Done).await?;
            return exec::relay_server(stream, session).await;
        }
        Call::Erase { tool } => runtime.erase_tool(tool).await.map(|()| CallAnswer::Done)?,
        Call::SealingKey {} => CallAnswer::SealingKey(runtime.sealing_key().await?.to_text()),
        Call::Doctor {} => CallAnswer::Report(runtime.check_host().await?),
    };
    frame::write_json(stream, &answer).await
}

/// Forwards the bytes of a layer until their end, or until the runtime stops reading.
async fn relay_layer(stream: &mut UnixStream, mut to: DuplexStream) -> Result<()> {
    loop {
        match frame::read_frame(stream).await? {
            Some((FrameKind::Json, payload)) => {
                let LayerEnd {} = frame::parse_json(&payload)?;
                return Ok(());
            }
            Some((FrameKind::Bytes | FrameKind::Stderr, payload)) => {
                if to.write_all(&payload).await.is_err() {
                    return Ok(());
                }
            }
            None => {
                return Err(Error::unavailable(
                    "layer-source",
                    "client disconnected before the end of a layer",
                ));
            }
        }
    }
}
