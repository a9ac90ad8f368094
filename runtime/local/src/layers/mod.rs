//! Layers on the disk: known by the digest of their bytes, unpacked once, shared by all tools, each whole or absent.

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
use hearth_runtime_api::{Bytes, LayerDescriptor};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
};

use crate::{
    again::{self, Part},
    disk::{self, Disk},
    failure::Doing,
    settings::LayerCaps,
    sys::ids::STORE,
};

use unpack::{Refused, Unpacked};

/// The layers of one Hearth.
#[derive(Debug)]
pub struct Layers {
    disk: Disk,
    caps: LayerCaps,
    next: AtomicU64,
}

impl Layers {
    /// Throws away what an earlier process left half done.
    pub fn open(disk: Disk, caps: LayerCaps) -> Result<Self> {
        disk::remove(&disk.partial()).doing("clearing half-unpacked layers")?;
        disk::folder(&disk.partial(), 0o700).doing("making the folder of layers to be")?;
        Ok(Self { disk, caps, next: AtomicU64::new(0) })
    }

    pub fn has_layer(&self, layer: Digest) -> bool {
        self.disk.layer(layer).is_dir()
    }

    /// Unpacks a layer in a sandbox and puts it in its place.
    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()> {
        if self.has_layer(layer.digest) {
            return Ok(());
        }
        let partial = self.new_partial();
        disk::folder(&partial.0, 0o755).doing("making a folder for a layer")?;
        std::os::unix::fs::chown(&partial.0, Some(STORE), Some(STORE))
            .doing("making a folder for a layer")?;
        self.unpack(&partial.0, layer, bytes).await?;
        let place = self.disk.layer(layer.digest);
        match fs::rename(&partial.0, &place) {
            // Somebody else brought the same layer meanwhile.
            Err(_) if place.is_dir() => {}
            renamed => renamed.doing(format_args!("keeping layer {}", layer.digest))?,
        }
        disk::sync_folder(&place).doing(format_args!("keeping layer {}", layer.digest))
    }

    async fn unpack(
        &self,
        target: &std::path::Path,
        layer: &LayerDescriptor,
        bytes: Bytes<'_>,
    ) -> Result<()> {
        let task =
            unpack::Task { target: target.to_owned(), compression: layer.compression, caps: self.caps };
        let mut command = Command::from(again::command(Part::Unpacker));
        command.arg(serde_json::to_string(&task).map_err(Error::internal)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().doing("starting a sandbox for a layer")?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("a child without streams"));
        };
        let answer = async {
            let mut answer = Vec::new();
            output.take(1 << 20).read_to_end(&mut answer).await.map(|_| answer)
        };
        let (passed, answer) = tokio::join!(pass_bytes(bytes, input, layer.size), answer);
        let answer = answer.doing("hearing from the sandbox of a layer")?;
        child.wait().await.doing("waiting for the sandbox of a layer")?;
        // First of all the bytes: what is wrong inside of wrong bytes is of no interest.
        match passed? {
            PassedBytes::Whole(digest) if digest == layer.digest => {}
            PassedBytes::Whole(digest) => return Err(refuse_bytes(layer, &format!("came as {digest}"))),
            PassedBytes::TooLong => {
                return Err(refuse_bytes(layer, &format!("has more than its {} bytes", layer.size)));
            }
            // A sandbox that stops reading says why in its answer.
            PassedBytes::Refused => {}
        }
        let unpacked = serde_json::from_slice::<Result<Unpacked, Refused>>(&answer).map_err(|error| {
            Error::unavailable("layer-sandbox", format!("the sandbox of layer {} died", layer.digest))
                .because(error)
        })?;
        let unpacked = unpacked.map_err(|refused| {
            let why = format!("layer {} can't be unpacked: {}", layer.digest, refused.why);
            Error::invalid("layer-content", why).help("build the image again without it")
        })?;
        let found = Digest::new(unpacked.digest);
        match layer.diff_id {
            Some(wanted) if wanted != found => Err(refuse_bytes(layer, &format!("unpacks from {found}"))),
            _ => Ok(()),
        }
    }

    /// Moves all layers but these out of their places. They go when what is returned is dropped, which takes time.
    pub fn remove_all_but(&self, keep: &BTreeSet<Digest>) -> Result<Vec<Trash>> {
        let mut trash = Vec::new();
        for entry in fs::read_dir(self.disk.layers()).doing("listing the layers")? {
            let entry = entry.doing("listing the layers")?;
            let name = entry.file_name();
            let layer = format!("sha256:{}", name.to_string_lossy()).parse::<Digest>();
            if layer.is_ok_and(|layer| keep.contains(&layer)) {
                continue;
            }
            // Out of its place in one step, so that a crash leaves no half layer behind.
            let partial = self.new_partial();
            fs::rename(entry.path(), &partial.0)
                .doing(format_args!("removing layer {}", name.to_string_lossy()))?;
            trash.push(partial);
        }
        Ok(trash)
    }

    fn new_partial(&self) -> Trash {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Trash(self.disk.partial().join(number.to_string()))
    }
}

/// The end of a layer's bytes.
enum PassedBytes {
    /// They ended, and have this SHA-256.
    Whole(Digest),
    /// There are more of them than the descriptor says.
    TooLong,
    /// The sandbox wanted no more of them.
    Refused,
}

/// Passes a layer's bytes on into the sandbox, and hashes them on this side of it: what happens in the sandbox has no say
/// in which layer this is.
async fn pass_bytes(mut bytes: Bytes<'_>, mut input: ChildStdin, size: u64) -> Result<PassedBytes> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 128 << 10];
    let mut came = 0;
    loop {
        let read = bytes.read(&mut chunk).await.map_err(|error| {
            Error::unavailable("layer-source", "a layer could not be read to its end").because(error)
        })?;
        if read == 0 {
            return Ok(PassedBytes::Whole(Digest::new(hash.finalize().into())));
        }
        came += read as u64;
        if came > size {
            return Ok(PassedBytes::TooLong);
        }
        hash.update(&chunk[..read]);
        if input.write_all(&chunk[..read]).await.is_err() {
            return Ok(PassedBytes::Refused);
        }
    }
}

fn refuse_bytes(layer: &LayerDescriptor, how: &str) -> Error {
    Error::invalid("layer-digest", format!("layer {} {how}", layer.digest))
        .help("fetch it again; if that does not help, push the image again")
}

/// A folder that goes away with its owner, unless it has been moved.
pub struct Trash(PathBuf);

impl Drop for Trash {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a half-unpacked layer stays until the next start");
        }
    }
}
