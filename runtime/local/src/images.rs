//! Image store of one Hearth: one file for each image, and the unpacked layers.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_base::{Clock, Digest, Result};
use hearth_runtime_api::{ByteStream, LayerDescriptor, ResolvedImage, Workload, engine::ImageLedger};
use serde::{Deserialize, Serialize};

use crate::{
    host_error::HostErrorContext,
    layers::{LayerStore, TempFolder},
    settings::LayerLimits,
    state_files::{self, StateLayout},
};

/// Format version of an image's file.
const IMAGE_FILE_VERSION: u32 = 1;

/// Image store.
pub struct LocalImageStore {
    layout: StateLayout,
    layers: LayerStore,
    clock: Arc<dyn Clock>,
    /// Lock order: the engine's lock is taken first.
    ledger: Mutex<ImageLedger>,
}

#[derive(Serialize, Deserialize)]
struct StoredImage {
    file_version: u32,
    #[serde(flatten)]
    image: ResolvedImage,
}

impl LocalImageStore {
    /// Reads the stored images. An unreadable file is removed, and its image counts as missing: a caller that
    /// needs the image ensures it again.
    pub fn open(layout: StateLayout, limits: LayerLimits, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut images = Vec::new();
        for entry in fs::read_dir(layout.images_folder()).with_context("listing the images")? {
            let path = entry.with_context("listing the images")?.path();
            let stored =
                fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<StoredImage>(&bytes).ok());
            match stored {
                Some(stored) => images.push(stored.image),
                None => {
                    tracing::warn!(file = %path.display(), "image file unreadable; image dropped");
                    state_files::remove_path(&path).with_context("removing the file of an image")?;
                }
            }
        }
        let layers = LayerStore::open(layout.clone(), limits)?;
        let ledger = Mutex::new(ImageLedger::new(images, clock.now()));
        Ok(Self { layout, layers, clock, ledger })
    }

    /// See [`hearth_runtime_api::Runtime::ensure_image`].
    pub fn ensure_image(&self, image: &ResolvedImage) -> Result<Vec<LayerDescriptor>> {
        let mut ledger = self.lock_ledger();
        if ledger.check_is_new(image)? {
            let stored = StoredImage { file_version: IMAGE_FILE_VERSION, image: image.clone() };
            state_files::replace_file(&self.layout.image_path(image.reference.digest()), &stored)
                .with_context(format_args!("storing the image {}", image.reference))?;
        }
        ledger.record_use(image, self.clock.now());
        Ok(ImageLedger::find_missing_layers(image, |layer| self.layers.has_layer(layer)))
    }

    /// See [`hearth_runtime_api::Runtime::add_layer`].
    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        self.lock_ledger().check_layer(layer)?;
        self.layers.add_layer(layer, bytes).await
    }

    /// Fails when the workload's image or one of its layers is missing; marks the image as used now.
    pub fn check_workload(&self, workload: &Workload) -> Result<()> {
        let has_layer = |layer| self.layers.has_layer(layer);
        self.lock_ledger().use_image(workload, self.clock.now(), has_layer).map(drop)
    }

    /// Lists the folders of the image's layers, lowest first.
    pub fn find_layer_folders(&self, workload: &Workload) -> Result<Vec<PathBuf>> {
        let has_layer = |layer| self.layers.has_layer(layer);
        let mut ledger = self.lock_ledger();
        let image = ledger.use_image(workload, self.clock.now(), has_layer)?;
        Ok(image.layers.iter().map(|layer| self.layout.layer_folder(layer.digest)).collect())
    }

    /// Removes unused images, and moves the layers that no image uses out of their places. Returns the
    /// digests of the removed images. The layers are deleted when the returned folders are dropped, which
    /// takes time.
    pub fn remove_images(
        &self,
        keep: &BTreeSet<Digest>,
        is_used: &dyn Fn(Digest) -> bool,
        unused_for: Duration,
    ) -> Result<(Vec<Digest>, Vec<TempFolder>)> {
        let mut ledger = self.lock_ledger();
        let unused = ledger.find_unused(keep, is_used, unused_for, self.clock.now());
        for image in &unused {
            state_files::remove_path(&self.layout.image_path(*image))
                .with_context(format_args!("removing the file of the image {image}"))?;
            ledger.forget_image(*image);
        }
        let trash = self.layers.remove_all_but(&ledger.list_layers())?;
        Ok((unused, trash))
    }

    fn lock_ledger(&self) -> MutexGuard<'_, ImageLedger> {
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
        let stored: StoredImage = serde_json::from_slice(&bytes).map_err(Error::internal)?;
        assert_eq!((stored.file_version, stored.image.layers.len()), (1, 2));
        assert_eq!(stored.image.reference.repository(), "hearth.example/hearth/python3.11");
        Ok(())
    }
}
