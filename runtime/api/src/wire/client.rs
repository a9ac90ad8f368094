//! Client of the runtime's socket.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use async_trait::async_trait;
use hearth_base::{Digest, Error, Result, SealingKey, ToolId};
use tokio::{io::AsyncReadExt, net::UnixStream};

use crate::{
    ByteStream, Cursor, ExecRequest, ExecSession, FileRefresh, FileSession, HostReport, InstanceId,
    LayerDescriptor, LogPage, Observation, ResolvedImage, Runtime, Usage, Version, Workload, WorkloadId,
};

use super::{
    PROTOCOL_VERSION,
    call::{Call, CallAnswer, CallEnvelope, LayerEnd},
    exec,
    frame::{self, FrameKind},
};

/// A runtime behind its Unix socket.
#[derive(Debug)]
pub struct RuntimeClient {
    path: PathBuf,
}

impl RuntimeClient {
    /// A client of the socket at `path`. It connects at each call.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    async fn open(&self, call: Call) -> Result<UnixStream> {
        let stream = UnixStream::connect(&self.path).await;
        let mut stream = stream.map_err(|error| {
            Error::unavailable("runtime-unavailable", "the container runtime does not respond")
                .help("start hearthd runtime, or try again in a moment")
                .with_cause(error)
        })?;
        frame::write_json(&mut stream, &CallEnvelope { protocol: PROTOCOL_VERSION, call }).await?;
        Ok(stream)
    }

    async fn send_call(&self, call: Call) -> Result<CallAnswer> {
        let mut stream = self.open(call).await?;
        read_answer(&mut stream).await
    }

    async fn send_command(&self, call: Call) -> Result<()> {
        match self.send_call(call).await? {
            CallAnswer::Done => Ok(()),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn open_session(&self, call: Call) -> Result<ExecSession> {
        let mut stream = self.open(call).await?;
        match read_answer(&mut stream).await? {
            CallAnswer::Done => {}
            other => return Err(unexpected_answer_error(&other)),
        }
        let (mut session, inputs, outputs) = ExecSession::new_with_channels();
        session.attach_task(exec::relay_client(stream, inputs, outputs));
        Ok(session)
    }
}

#[async_trait]
impl Runtime for RuntimeClient {
    async fn apply(&self, workload: Workload) -> Result<()> {
        self.send_command(Call::Apply(Box::new(workload))).await
    }

    async fn stop(&self, id: WorkloadId, version: Version, grace: Duration) -> Result<()> {
        self.send_command(Call::Stop { id, version, grace }).await
    }

    async fn observe_workloads(&self, after: Option<Cursor>, wait: Duration) -> Result<Observation> {
        match self.send_call(Call::Observe { after, wait }).await? {
            CallAnswer::Observation(observation) => Ok(observation),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn acknowledge_workload(&self, id: WorkloadId) -> Result<()> {
        self.send_command(Call::Acknowledge { id }).await
    }

    async fn read_logs(&self, instance: InstanceId, sequence: u64, wait: Duration) -> Result<LogPage> {
        match self.send_call(Call::Logs { instance, sequence, wait }).await? {
            CallAnswer::Log(page) => Ok(page),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn exec(&self, exec: ExecRequest) -> Result<ExecSession> {
        self.open_session(Call::Exec(Box::new(exec))).await
    }

    async fn read_usage(&self) -> Result<Vec<Usage>> {
        match self.send_call(Call::Usage {}).await? {
            CallAnswer::Usage(usage) => Ok(usage),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn ensure_image(&self, image: &ResolvedImage) -> Result<Vec<LayerDescriptor>> {
        match self.send_call(Call::EnsureImage(image.clone())).await? {
            CallAnswer::Layers(layers) => Ok(layers),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn add_layer(&self, layer: &LayerDescriptor, mut bytes: ByteStream<'_>) -> Result<()> {
        let mut stream = self.open(Call::AddLayer(layer.clone())).await?;
        let mut chunk = vec![0; 256 << 10];
        loop {
            let read = bytes.read(&mut chunk).await.map_err(|error| {
                Error::unavailable("layer-source", "reading a layer failed").with_cause(error)
            })?;
            let sent = match read {
                0 => frame::write_json(&mut stream, &LayerEnd {}).await,
                read => frame::write_frame(&mut stream, FrameKind::Bytes, &chunk[..read]).await,
            };
            // A runtime that refuses the layer stops reading. A failed write is then followed by its answer
            // with the reason.
            if sent.is_err() || read == 0 {
                break;
            }
        }
        match read_answer(&mut stream).await? {
            CallAnswer::Done => Ok(()),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn remove_images(&self, keep: &BTreeSet<Digest>, unused_for: Duration) -> Result<Vec<Digest>> {
        match self.send_call(Call::RemoveImages { keep: keep.clone(), unused_for }).await? {
            CallAnswer::Images(images) => Ok(images),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn refresh_file(&self, refresh: FileRefresh) -> Result<()> {
        self.send_command(Call::RefreshFile(refresh)).await
    }

    async fn open_files(&self, session: FileSession) -> Result<ExecSession> {
        self.open_session(Call::OpenFiles(session)).await
    }

    async fn erase_tool(&self, tool: ToolId) -> Result<()> {
        self.send_command(Call::Erase { tool }).await
    }

    async fn sealing_key(&self) -> Result<SealingKey> {
        match self.send_call(Call::SealingKey {}).await? {
            CallAnswer::SealingKey(text) => SealingKey::from_text(&text),
            other => Err(unexpected_answer_error(&other)),
        }
    }

    async fn check_host(&self) -> Result<HostReport> {
        match self.send_call(Call::Doctor {}).await? {
            CallAnswer::Report(report) => Ok(report),
            other => Err(unexpected_answer_error(&other)),
        }
    }
}

async fn read_answer(stream: &mut UnixStream) -> Result<CallAnswer> {
    match frame::read_json(stream).await? {
        CallAnswer::Failed(failure) => Err(failure.into()),
        answer => Ok(answer),
    }
}

fn unexpected_answer_error(answer: &CallAnswer) -> Error {
    Error::internal(format!("the runtime sent an unexpected response: {answer:?}"))
}
