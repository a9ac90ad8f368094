//! The images of one Hearth: which are known, in a file each, and their layers.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_base::{Clock, Digest, Result};
use hearth_runtime_api::{Bytes, Image, LayerDescriptor, Workload, engine::ImageLedger};
use serde::{Deserialize, Serialize};

use crate::{
    disk::{self, Disk},
    failure::Doing,
    layers::{Layers, Trash},
    settings::LayerCaps,
};

/// The form of an image's file.
const FILE_VERSION: u32 = 1;

/// See the module.
pub struct Images {
    disk: Disk,
    layers: Layers,
    clock: Arc<dyn Clock>,
    /// Taken after the engine's lock, never before it.
    ledger: Mutex<ImageLedger>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    file_version: u32,
    #[serde(flatten)]
    image: Image,
}

impl Images {
    /// Reads what an earlier process knew. A file that can't be read is an image that is not there: whoever needs it
    /// ensures it again.
    pub fn open(disk: Disk, caps: LayerCaps, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut known = Vec::new();
        for entry in fs::read_dir(disk.images()).doing("listing the images")? {
            let path = entry.doing("listing the images")?.path();
            let stored = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
            match stored {
                Some(stored) => known.push(stored.image),
                None => {
                    tracing::warn!(file = %path.display(), "an image's file cannot be read; the image is forgotten");
                    disk::remove(&path).doing("removing the file of an image")?;
                }
            }
        }
        let layers = Layers::open(disk.clone(), caps)?;
        let ledger = Mutex::new(ImageLedger::new(known, clock.now()));
        Ok(Self { disk, layers, clock, ledger })
    }

    /// See [`hearth_runtime_api::Runtime::ensure_image`].
    pub fn ensure_image(&self, image: &Image) -> Result<Vec<LayerDescriptor>> {
        let mut ledger = self.ledger();
        if ledger.check_new(image)? {
            let stored = Stored { file_version: FILE_VERSION, image: image.clone() };
            disk::replace(&self.disk.image(image.reference.digest()), &stored)
                .doing(format_args!("keeping the image {}", image.reference))?;
        }
        ledger.note_use(image, self.clock.now());
        Ok(ImageLedger::find_missing_layers(image, |layer| self.layers.has_layer(layer)))
    }

    /// See [`hearth_runtime_api::Runtime::add_layer`].
    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()> {
        self.ledger().check_layer(layer)?;
        self.layers.add_layer(layer, bytes).await
    }

    /// Refuses a workload whose image is not there whole; its image counts as used now.
    pub fn check_workload(&self, workload: &Workload) -> Result<()> {
        let has_layer = |layer| self.layers.has_layer(layer);
        self.ledger().use_image(workload, self.clock.now(), has_layer).map(drop)
    }

    /// The folders of an image's layers, the lowest first.
    pub fn find_layer_folders(&self, workload: &Workload) -> Result<Vec<PathBuf>> {
        let has_layer = |layer| self.layers.has_layer(layer);
        let mut ledger = self.ledger();
        let image = ledger.use_image(workload, self.clock.now(), has_layer)?;
        Ok(image.layers.iter().map(|layer| self.disk.layer(layer.digest)).collect())
    }

    /// Forgets images, and moves layers out of their places of which no image is left. The digests of these images; the
    /// layers go when the trash is dropped, which takes time.
    pub fn remove_images(
        &self,
        keep: &BTreeSet<Digest>,
        is_used: &dyn Fn(Digest) -> bool,
        unused_for: Duration,
    ) -> Result<(Vec<Digest>, Vec<Trash>)> {
        let mut ledger = self.ledger();
        let unused = ledger.find_unused(keep, is_used, unused_for, self.clock.now());
        for image in &unused {
            disk::remove(&self.disk.image(*image)).doing(format_args!("forgetting the image {image}"))?;
            ledger.forget_image(*image);
        }
        let trash = self.layers.remove_all_but(&ledger.layers())?;
        Ok((unused, trash))
    }

    fn ledger(&self) -> MutexGuard<'_, ImageLedger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::Error;

    #[test]
    fn an_images_file_of_version_1_is_read() -> Result<()> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/image-1.json");
        let bytes = fs::read(path).map_err(Error::internal)?;
        let stored: Stored = serde_json::from_slice(&bytes).map_err(Error::internal)?;
        assert_eq!((stored.file_version, stored.image.layers.len()), (1, 2));
        assert_eq!(stored.image.reference.repository(), "hearth.example/hearth/python3.11");
        Ok(())
    }
}
