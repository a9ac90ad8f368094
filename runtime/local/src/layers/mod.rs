//! Layer store: layers are identified by the digest of their bytes, unpacked once and shared by all tools. A
//! layer is either complete or absent.

pub mod archive;
pub mod entry;
mod sandbox;
pub mod unpack;

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
};

use hearth_base::{Digest, Error, Result};
use hearth_runtime_api::{ByteStream, LayerDescriptor};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
};

use crate::{
    host_error::HostErrorContext,
    reexec::{self, Subprocess},
    settings::LayerLimits,
    state_files::{self, StateLayout},
    sys::ids::STORED_ID_BASE,
};

use unpack::{UnpackFailure, UnpackResult};

/// Layers of one Hearth.
#[derive(Debug)]
pub struct LayerStore {
    layout: StateLayout,
    limits: LayerLimits,
    next: AtomicU64,
}

impl LayerStore {
    /// Opens the store and removes incomplete layers of an earlier process.
    pub fn open(layout: StateLayout, limits: LayerLimits) -> Result<Self> {
        state_files::remove_path(&layout.partial_layers_folder())
            .with_context("removing incomplete layers")?;
        state_files::make_folder(&layout.partial_layers_folder(), 0o700)
            .with_context("making the folder of incomplete layers")?;
        Ok(Self { layout, limits, next: AtomicU64::new(0) })
    }

    pub fn has_layer(&self, layer: Digest) -> bool {
        self.layout.layer_folder(layer).is_dir()
    }

    /// Unpacks a layer in a sandbox and moves it to its final folder.
    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        if self.has_layer(layer.digest) {
            return Ok(());
        }
        let partial = self.new_partial();
        state_files::make_folder(&partial.0, 0o755).with_context("making a folder for a layer")?;
        std::os::unix::fs::chown(&partial.0, Some(STORED_ID_BASE), Some(STORED_ID_BASE))
            .with_context("making a folder for a layer")?;
        self.unpack_layer(&partial.0, layer, bytes).await?;
        let place = self.layout.layer_folder(layer.digest);
        match fs::rename(&partial.0, &place) {
            // Another call has added the same layer meanwhile.
            Err(_) if place.is_dir() => {}
            renamed => renamed.with_context(format_args!("storing the layer {}", layer.digest))?,
        }
        state_files::sync_parent_folder(&place).with_context(format_args!("keeping layer {}", layer.digest))
    }

    async fn unpack_layer(
        &self,
        target: &std::path::Path,
        layer: &LayerDescriptor,
        bytes: ByteStream<'_>,
    ) -> Result<()> {
        let task = unpack::UnpackTask {
            target: target.to_owned(),
            compression: layer.compression,
            limits: self.limits,
        };
        let mut command = Command::from(reexec::build_command(Subprocess::Unpacker));
        command.arg(serde_json::to_string(&task).map_err(Error::internal)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context("starting the sandbox of a layer")?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("the child has no standard streams"));
        };
        let answer = async {
            let mut answer = Vec::new();
            output.take(1 << 20).read_to_end(&mut answer).await.map(|_| answer)
        };
        let (passed, answer) = tokio::join!(transfer_bytes(bytes, input, layer.size), answer);
        let answer = answer.with_context("reading the result of a layer's sandbox")?;
        child.wait().await.with_context("waiting for the sandbox of a layer")?;
        // The digest is checked first: errors in the content of wrong bytes do not matter.
        match passed? {
            TransferOutcome::Complete(digest) if digest == layer.digest => {}
            TransferOutcome::Complete(digest) => {
                return Err(build_digest_error(layer, &format!("has another digest: {digest}")));
            }
            TransferOutcome::TooLong => {
                return Err(build_digest_error(
                    layer,
                    &format!("is longer than its size of {} bytes", layer.size),
                ));
            }
            // The sandbox stopped reading; its result has the reason.
            TransferOutcome::InputClosed => {}
        }
        let unpacked =
            serde_json::from_slice::<Result<UnpackResult, UnpackFailure>>(&answer).map_err(|error| {
                Error::unavailable(
                    "layer-sandbox",
                    format!("the sandbox of layer {} has crashed", layer.digest),
                )
                .with_cause(error)
            })?;
        let unpacked = unpacked.map_err(|refused| {
            let why = format!("layer {} cannot be unpacked: {}", layer.digest, refused.reason);
            Error::invalid("layer-content", why).help("remove the cause and build the image again")
        })?;
        let found = Digest::new(unpacked.digest);
        match layer.diff_id {
            Some(wanted) if wanted != found => {
                Err(build_digest_error(layer, &format!("has another diff id: {found}")))
            }
            _ => Ok(()),
        }
    }

    /// Moves all layers except these out of their places. They are deleted when the returned folders are
    /// dropped, which takes time.
    pub fn remove_all_but(&self, keep: &BTreeSet<Digest>) -> Result<Vec<TempFolder>> {
        let mut trash = Vec::new();
        for entry in fs::read_dir(self.layout.layers_folder()).with_context("listing the layers")? {
            let entry = entry.with_context("listing the layers")?;
            let name = entry.file_name();
            let layer = format!("sha256:{}", name.to_string_lossy()).parse::<Digest>();
            if layer.is_ok_and(|layer| keep.contains(&layer)) {
                continue;
            }
            // A rename is atomic, so a crash leaves no incomplete layer.
            let partial = self.new_partial();
            fs::rename(entry.path(), &partial.0)
                .with_context(format_args!("removing layer {}", name.to_string_lossy()))?;
            trash.push(partial);
        }
        Ok(trash)
    }

    fn new_partial(&self) -> TempFolder {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        TempFolder(self.layout.partial_layers_folder().join(number.to_string()))
    }
}

/// Outcome of passing a layer's bytes to the sandbox.
enum TransferOutcome {
    /// All bytes are passed; their SHA-256.
    Complete(Digest),
    /// There are more bytes than the descriptor says.
    TooLong,
    /// The sandbox has closed its input.
    InputClosed,
}

/// Passes a layer's bytes to the sandbox and hashes them outside of it, so that a compromised sandbox cannot
/// fake the digest.
async fn transfer_bytes(
    mut bytes: ByteStream<'_>,
    mut input: ChildStdin,
    size: u64,
) -> Result<TransferOutcome> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 128 << 10];
    let mut received = 0;
    loop {
        let read = bytes.read(&mut chunk).await.map_err(|error| {
            Error::unavailable("layer-source", "reading the layer's bytes failed").with_cause(error)
        })?;
        if read == 0 {
            return Ok(TransferOutcome::Complete(Digest::new(hash.finalize().into())));
        }
        received += read as u64;
        if received > size {
            return Ok(TransferOutcome::TooLong);
        }
        hash.update(&chunk[..read]);
        if input.write_all(&chunk[..read]).await.is_err() {
            return Ok(TransferOutcome::InputClosed);
        }
    }
}

fn build_digest_error(layer: &LayerDescriptor, how: &str) -> Error {
    Error::invalid("layer-digest", format!("layer {} {how}", layer.digest))
        .help("fetch it again; if it fails again, push the image again")
}

/// Temporary folder that is deleted when this value is dropped, unless it has been moved.
pub struct TempFolder(PathBuf);

impl Drop for TempFolder {
    fn drop(&mut self) {
        if let Err(error) = state_files::remove_path(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "folder of a layer not removed; the next start removes it");
        }
    }
}
