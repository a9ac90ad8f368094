//! The socket's server: it checks who calls, and asks the runtime behind it.

use std::{sync::Arc, time::Duration};

use hearth_base::{Error, Kind as ErrorKind, Result};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use crate::Runtime;

use super::{
    VERSION,
    call::{Answer, Call, LayerEnd, Opening},
    exec,
    failure::Failure,
    frame::{self, Kind},
};

/// The longest that a caller may wait for news in one call.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Who may call.
#[derive(Debug, Clone)]
pub struct Callers {
    /// Users of the host, as the kernel names the process at the other end (`SO_PEERCRED`).
    pub uids: Vec<u32>,
}

/// Answers calls for ever, each in a task of its own. Dropping the future ends them.
pub async fn serve(listener: UnixListener, callers: Callers, runtime: Arc<dyn Runtime>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let allowed = stream.peer_cred().is_ok_and(|peer| callers.uids.contains(&peer.uid()));
                    tasks.spawn(talk(stream, allowed, Arc::clone(&runtime)));
                }
                // Out of descriptors: others must end before there is room again.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// One connection. What goes wrong with it is told to the caller, if it still listens, and to nobody else.
async fn talk(mut stream: UnixStream, allowed: bool, runtime: Arc<dyn Runtime>) {
    let answered = if allowed { one_call(&mut stream, &*runtime).await } else { Err(stranger()) };
    if let Err(error) = answered {
        let _ = frame::write_json(&mut stream, &Answer::Failed(Failure::from(&error))).await;
    }
    let _ = stream.shutdown().await;
}

fn stranger() -> Error {
    Error::forbidden("runtime-caller", "this user of the host may not start containers")
        .help("run the caller as one of the users that the runtime's configuration allows")
}

async fn one_call(stream: &mut UnixStream, runtime: &dyn Runtime) -> Result<()> {
    let Opening { protocol, call } = frame::read_json(stream).await?;
    if protocol == 0 || protocol > VERSION {
        return Err(Error::new(
            ErrorKind::Unprocessable,
            "runtime-protocol",
            format!("protocol {protocol} is newer than {VERSION}"),
        )
        .help("upgrade the process that starts containers"));
    }
    let answer = match call {
        Call::Apply(workload) => runtime.apply(*workload).await.map(|()| Answer::Done)?,
        Call::Stop { id, version, grace } => runtime.stop(id, version, grace).await.map(|()| Answer::Done)?,
        Call::Observe { after, wait } => {
            Answer::Observation(runtime.observe(after, wait.min(LONGEST_WAIT)).await?)
        }
        Call::Acknowledge { id } => runtime.acknowledge(id).await.map(|()| Answer::Done)?,
        Call::Logs { instance, sequence, wait } => {
            Answer::Log(runtime.logs(instance, sequence, wait.min(LONGEST_WAIT)).await?)
        }
        Call::Exec(asked) => {
            let session = runtime.exec(*asked).await?;
            frame::write_json(stream, &Answer::Done).await?;
            return exec::serve(stream, session).await;
        }
        Call::Usage {} => Answer::Usage(runtime.usage().await?),
        Call::EnsureImage(image) => Answer::Layers(runtime.ensure_image(&image).await?),
        Call::AddLayer(layer) => {
            let (bytes, far) = tokio::io::duplex(512 << 10);
            let (fed, added) = tokio::join!(feed(stream, far), runtime.add_layer(&layer, Box::new(bytes)));
            fed.and(added)?;
            Answer::Done
        }
        Call::RemoveImages { keep, unused_for } => {
            Answer::Images(runtime.remove_images(&keep, unused_for).await?)
        }
        Call::RefreshFile(refresh) => runtime.refresh_file(refresh).await.map(|()| Answer::Done)?,
        Call::OpenFiles(asked) => {
            let session = runtime.open_files(asked).await?;
            frame::write_json(stream, &Answer::Done).await?;
            return exec::serve(stream, session).await;
        }
        Call::Erase { tool } => runtime.erase(tool).await.map(|()| Answer::Done)?,
        Call::SealingKey {} => Answer::SealingKey(runtime.sealing_key().await?.to_text()),
        Call::Doctor {} => Answer::Report(runtime.doctor().await?),
    };
    frame::write_json(stream, &answer).await
}

/// Passes a layer's bytes on until they end, or until the runtime wants no more of them.
async fn feed(stream: &mut UnixStream, mut to: DuplexStream) -> Result<()> {
    loop {
        match frame::read(stream).await? {
            Some((Kind::Json, payload)) => {
                let LayerEnd {} = frame::parse(&payload)?;
                return Ok(());
            }
            Some((Kind::Bytes | Kind::Errors, payload)) => {
                if to.write_all(&payload).await.is_err() {
                    return Ok(());
                }
            }
            None => {
                return Err(Error::unavailable("layer-source", "the bringer of a layer left before its end"));
            }
        }
    }
}
