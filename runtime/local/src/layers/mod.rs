//! Layers on the disk: unpacked once, shared by all tools, each whole or absent.

mod archive;
mod entry;
mod sandbox;
pub mod unpack;

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
};

use hearth_base::{Error, Result};
use hearth_runtime_api::{Bytes, LayerId, LayerSource};
use tokio::{io::AsyncReadExt, process::Command};

use crate::{
    again::{self, Part},
    disk::{self, Disk},
    failure::Doing,
    settings::LayerCaps,
    sys::ids::STORE,
};

use unpack::Unpacked;

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

    pub fn has(&self, layer: LayerId) -> bool {
        self.disk.layer(layer).is_dir()
    }

    /// Unpacks a layer in a sandbox and puts it in its place.
    pub async fn add(&self, layer: LayerSource, bytes: Bytes<'_>) -> Result<()> {
        if self.has(layer.id) {
            return Ok(());
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let partial = Partial(self.disk.partial().join(number.to_string()));
        disk::folder(&partial.0, 0o755).doing("making a folder for a layer")?;
        std::os::unix::fs::chown(&partial.0, Some(STORE), Some(STORE))
            .doing("making a folder for a layer")?;
        let unpacked = self.unpack(&partial.0, layer, bytes).await?;
        if unpacked.digest != *layer.id.digest() {
            let found = LayerId::new(unpacked.digest);
            return Err(Error::invalid("layer-digest", format!("layer {} came as {found}", layer.id))
                .help("fetch it again; if that does not help, push the image again"));
        }
        let place = self.disk.layer(layer.id);
        match fs::rename(&partial.0, &place) {
            // Somebody else brought the same layer meanwhile.
            Err(_) if place.is_dir() => {}
            renamed => renamed.doing(format_args!("keeping layer {}", layer.id))?,
        }
        disk::sync_folder(&place).doing(format_args!("keeping layer {}", layer.id))
    }

    async fn unpack(
        &self,
        target: &std::path::Path,
        layer: LayerSource,
        mut bytes: Bytes<'_>,
    ) -> Result<Unpacked> {
        let task =
            unpack::Task { target: target.to_owned(), compression: layer.compression, caps: self.caps };
        let mut command = Command::from(again::command(Part::Unpacker));
        command.arg(serde_json::to_string(&task).map_err(Error::internal)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().doing("starting a sandbox for a layer")?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("a child without streams"));
        };
        let feed = async {
            // A sandbox that stops reading says why in its answer.
            let fed = tokio::io::copy(&mut bytes, &mut input).await;
            drop(input);
            fed
        };
        let answer = async {
            let mut answer = Vec::new();
            output.take(1 << 20).read_to_end(&mut answer).await.map(|_| answer)
        };
        let (_, answer) = tokio::join!(feed, answer);
        let answer = answer.doing("hearing from the sandbox of a layer")?;
        child.wait().await.doing("waiting for the sandbox of a layer")?;
        serde_json::from_slice::<Result<Unpacked, unpack::Refused>>(&answer)
            .map_err(|error| {
                Error::unavailable("layer-sandbox", format!("the sandbox of layer {} died", layer.id))
                    .because(error)
            })?
            .map_err(|refused| {
                Error::invalid(
                    "layer-content",
                    format!("layer {} can't be unpacked: {}", layer.id, refused.why),
                )
                .help("build the image again without it")
            })
    }

    /// Removes all but those to be kept, and says which.
    pub fn remove(&self, keep: &BTreeSet<LayerId>, used: &dyn Fn(LayerId) -> bool) -> Result<Vec<LayerId>> {
        let mut removed = Vec::new();
        for entry in fs::read_dir(self.disk.layers()).doing("listing the layers")? {
            let entry = entry.doing("listing the layers")?;
            let name = entry.file_name();
            let Ok(layer) = format!("sha256:{}", name.to_string_lossy()).parse::<LayerId>() else { continue };
            if keep.contains(&layer) || used(layer) {
                continue;
            }
            // Out of its place in one step, so that a crash leaves no half layer behind.
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let partial = Partial(self.disk.partial().join(number.to_string()));
            fs::rename(entry.path(), &partial.0).doing(format_args!("removing layer {layer}"))?;
            removed.push(layer);
        }
        Ok(removed)
    }
}

/// A folder that goes away with its owner, unless it has been moved.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a half-unpacked layer stays until the next start");
        }
    }
}
