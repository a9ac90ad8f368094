//! The runtime behind a socket, as its callers see it.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use async_trait::async_trait;
use hearth_base::{Digest, Error, Result, SealingKey, ToolId};
use tokio::{io::AsyncReadExt, net::UnixStream};

use crate::{
    Bytes, Cursor, Exec, ExecSession, FileRefresh, FileSession, Image, InstanceId, LayerDescriptor, LogPage,
    Observation, Report, Runtime, Usage, Version, Workload, WorkloadId,
};

use super::{
    VERSION,
    call::{Answer, Call, LayerEnd, Opening},
    exec,
    frame::{self, Kind},
};

/// A runtime reached through its Unix socket.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// The runtime whose socket is at `path`. Nothing is connected before the first call.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    async fn open(&self, call: Call) -> Result<UnixStream> {
        let stream = UnixStream::connect(&self.path).await;
        let mut stream = stream.map_err(|error| {
            Error::unavailable("runtime-away", "the process that starts containers does not answer")
                .help("start it (role runtime), or try again in a moment")
                .because(error)
        })?;
        frame::write_json(&mut stream, &Opening { protocol: VERSION, call }).await?;
        Ok(stream)
    }

    async fn ask(&self, call: Call) -> Result<Answer> {
        let mut stream = self.open(call).await?;
        answer(&mut stream).await
    }

    async fn done(&self, call: Call) -> Result<()> {
        match self.ask(call).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn open_session(&self, call: Call) -> Result<ExecSession> {
        let mut stream = self.open(call).await?;
        match answer(&mut stream).await? {
            Answer::Done => {}
            other => return Err(unexpected(&other)),
        }
        let (mut session, inputs, outputs) = ExecSession::pair();
        session.carried_by(exec::call(stream, inputs, outputs));
        Ok(session)
    }
}

#[async_trait]
impl Runtime for Socket {
    async fn apply(&self, workload: Workload) -> Result<()> {
        self.done(Call::Apply(Box::new(workload))).await
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        self.done(Call::Stop { id, version, grace }).await
    }

    async fn observe(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        match self.ask(Call::Observe { after, wait }).await? {
            Answer::Observation(observation) => Ok(observation),
            other => Err(unexpected(&other)),
        }
    }

    async fn acknowledge(&self, id: WorkloadId) -> Result<()> {
        self.done(Call::Acknowledge { id }).await
    }

    async fn logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        match self.ask(Call::Logs { instance, sequence, wait }).await? {
            Answer::Log(page) => Ok(page),
            other => Err(unexpected(&other)),
        }
    }

    async fn exec(&self, exec: Exec) -> Result<ExecSession> {
        self.open_session(Call::Exec(Box::new(exec))).await
    }

    async fn usage(&self) -> Result<Vec<Usage>> {
        match self.ask(Call::Usage {}).await? {
            Answer::Usage(usage) => Ok(usage),
            other => Err(unexpected(&other)),
        }
    }

    async fn ensure_image(&self, image: &Image) -> Result<Vec<LayerDescriptor>> {
        match self.ask(Call::EnsureImage(image.clone())).await? {
            Answer::Layers(layers) => Ok(layers),
            other => Err(unexpected(&other)),
        }
    }

    async fn add_layer(&self, layer: &LayerDescriptor, mut bytes: Bytes<'_>) -> Result<()> {
        let mut stream = self.open(Call::AddLayer(layer.clone())).await?;
        let mut chunk = vec![0; 256 << 10];
        loop {
            let read = bytes.read(&mut chunk).await.map_err(|error| {
                Error::unavailable("layer-source", "a layer could not be read to its end").because(error)
            })?;
            let sent = match read {
                0 => frame::write_json(&mut stream, &LayerEnd {}).await,
                read => frame::write(&mut stream, Kind::Bytes, &chunk[..read]).await,
            };
            // A runtime that refuses early stops reading: its answer says why.
            if sent.is_err() || read == 0 {
                break;
            }
        }
        match answer(&mut stream).await? {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        match self.ask(Call::RemoveImages { keep: keep.clone(), unused_for }).await? {
            Answer::Images(images) => Ok(images),
            other => Err(unexpected(&other)),
        }
    }

    async fn refresh_file(&self, refresh: FileRefresh) -> Result<()> {
        self.done(Call::RefreshFile(refresh)).await
    }

    async fn open_files(&self, session: FileSession) -> Result<ExecSession> {
        self.open_session(Call::OpenFiles(session)).await
    }

    async fn erase(&self, tool: ToolId) -> Result<()> {
        self.done(Call::Erase { tool }).await
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        match self.ask(Call::SealingKey {}).await? {
            Answer::SealingKey(text) => SealingKey::from_text(&text),
            other => Err(unexpected(&other)),
        }
    }

    async fn doctor(&self) -> Result<Report> {
        match self.ask(Call::Doctor {}).await? {
            Answer::Report(report) => Ok(report),
            other => Err(unexpected(&other)),
        }
    }
}

async fn answer(stream: &mut UnixStream) -> Result<Answer> {
    match frame::read_json(stream).await? {
        Answer::Failed(failure) => Err(failure.into()),
        answer => Ok(answer),
    }
}

fn unexpected(answer: &Answer) -> Error {
    Error::internal(format!("the runtime gave an answer to another question: {answer:?}"))
}
