//! Image store of one Hearth: one file for each image, and the unpacked layers.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hearth_base::{Clock, Digest, Error, ErrorKind, Result};
use hearth_runtime_api::{ByteStream, LayerDescriptor, ResolvedImage, Workload, engine::ImageLedger};
use serde::{Deserialize, Serialize};

use crate::{
    LocalRuntimeSettings,
    host_error::HostErrorContext,
    layers::{
        AddLayerError, LayerStore, TempFolder,
        budget::{compute_image_limits, subtract_used},
    },
    settings::LayerLimits,
    state_files::{self, StateLayout},
};

/// Format version of an image's file.
const IMAGE_FILE_VERSION: u32 = 1;

/// Image store.
pub struct LocalImageStore {
    layout: StateLayout,
    layers: LayerStore,
    limits: LayerLimits,
    namespace_bytes: u64,
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
    pub fn open(layout: StateLayout, settings: &LocalRuntimeSettings, clock: Arc<dyn Clock>) -> Result<Self> {
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
        let layers = LayerStore::open(layout.clone(), settings)?;
        let ledger = Mutex::new(ImageLedger::new(images, clock.now()));
        let (limits, namespace_bytes) = (settings.layer_limits, settings.namespace_bytes);
        Ok(Self { layout, layers, limits, namespace_bytes, clock, ledger })
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

    /// See [`hearth_runtime_api::Runtime::add_layer`]. The layer may take what the limits of one of its
    /// images leave beside that image's other layers.
    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        let limits = self.find_layer_limits(layer)?;
        match self.layers.add_layer(layer, bytes, limits).await {
            Ok(()) => Ok(()),
            Err(AddLayerError::Failed(error)) => Err(error),
            Err(AddLayerError::Unusable(error)) => {
                self.remove_refused_images(layer.digest).await;
                Err(error)
            }
        }
    }

    /// Finds the limits of a layer. Error `layer-unknown` when no registered image lists it, and
    /// `layers-full` (exhausted) when no namespace of these images may have more layers now.
    fn find_layer_limits(&self, layer: &LayerDescriptor) -> Result<LayerLimits> {
        let ledger = self.lock_ledger();
        ledger.check_layer(layer)?;
        let has_room = |image: &&ResolvedImage| {
            let namespace = image.reference.owner_namespace();
            let owned = ledger.list_images().filter(|other| other.reference.owner_namespace() == namespace);
            self.layers.sum_sizes(owned.flat_map(|other| &other.layers)).bytes < self.namespace_bytes
        };
        let limits = ledger.list_images_with(layer.digest).filter(has_room).map(|image| {
            let others = image.layers.iter().filter(|other| other.digest != layer.digest);
            subtract_used(self.compute_limits(image), self.layers.sum_sizes(others))
        });
        let largest = limits.max_by_key(|limits| (limits.bytes, limits.entries));
        largest.ok_or_else(|| {
            let max = self.namespace_bytes >> 20;
            Error::new(
                ErrorKind::Exhausted,
                "layers-full",
                format!(
                    "the unpacked images of this owner have reached their limit of {max} MiB on this host"
                ),
            )
            .help("try again later: unused images are removed an hour after their last use")
        })
    }

    fn compute_limits(&self, image: &ResolvedImage) -> LayerLimits {
        compute_image_limits(self.limits, image.layers.iter().map(|layer| layer.size).sum())
    }

    /// Removes the images that cannot be completed because `layer` was refused, and the layers that only they
    /// list: a refused image leaves nothing.
    async fn remove_refused_images(&self, layer: Digest) {
        let removed = {
            let mut ledger = self.lock_ledger();
            let refused: Vec<Digest> =
                ledger.list_images_with(layer).map(|image| image.reference.digest()).collect();
            refused.iter().for_each(|image| ledger.forget_image(*image));
            let files = refused.iter().try_for_each(|image| {
                state_files::remove_path(&self.layout.image_path(*image))
                    .with_context(format_args!("removing the file of the image {image}"))
            });
            files.and_then(|()| self.layers.remove_all_but(&ledger.list_layers()))
        };
        match removed {
            // Deleting gigabytes takes time.
            Ok(trash) => drop(tokio::task::spawn_blocking(move || drop(trash)).await),
            Err(error) => tracing::warn!(%error, "layers of a refused image not removed; will retry"),
        }
    }

    /// Fails when the workload's image or one of its layers is missing, and with `image-too-large` (invalid)
    /// when its layers together exceed the limits; marks the image as used now.
    pub fn check_workload(&self, workload: &Workload) -> Result<()> {
        let has_layer = |layer| self.layers.has_layer(layer);
        let mut ledger = self.lock_ledger();
        let image = ledger.use_image(workload, self.clock.now(), has_layer)?;
        let (size, limits) = (self.layers.sum_sizes(&image.layers), self.compute_limits(image));
        if size.is_within(limits) {
            return Ok(());
        }
        let what = format!(
            "the image unpacks to {} bytes and {} entries; at most {} bytes and {} entries",
            size.bytes, size.entries, limits.bytes, limits.entries
        );
        Err(Error::invalid("image-too-large", what)
            .help("leave out files that the program does not need, and build the image again"))
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
