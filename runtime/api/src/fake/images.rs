//! Images of the fake. It unpacks nothing, and checks that a layer's bytes match its descriptor.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use hearth_base::{Digest, Error, Result};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt;

use super::lock_mutex;
use crate::{ByteStream, Compression, LayerDescriptor, ResolvedImage, Workload, engine::ImageLedger};

/// The images of a fake.
#[derive(Default)]
pub struct FakeImages(Mutex<ImageState>);

#[derive(Default)]
struct ImageState {
    images: ImageLedger,
    layers: BTreeSet<Digest>,
}

impl FakeImages {
    pub fn ensure_image(&self, image: &ResolvedImage, now: Timestamp) -> Result<Vec<LayerDescriptor>> {
        let mut state = self.lock_state();
        state.images.check_is_new(image)?;
        state.images.record_use(image, now);
        Ok(ImageLedger::find_missing_layers(image, |layer| state.layers.contains(&layer)))
    }

    /// Registers an image with all its layers, without bytes.
    pub fn put_image(&self, image: &ResolvedImage, now: Timestamp) {
        let mut state = self.lock_state();
        state.images.record_use(image, now);
        state.layers.extend(image.layers.iter().map(|layer| layer.digest));
    }

    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: ByteStream<'_>) -> Result<()> {
        self.lock_state().images.check_layer(layer)?;
        check_bytes(layer, bytes).await?;
        self.lock_state().layers.insert(layer.digest);
        Ok(())
    }

    pub fn check_workload(&self, workload: &Workload, now: Timestamp) -> Result<()> {
        let ImageState { images, layers } = &mut *self.lock_state();
        images.use_image(workload, now, |layer| layers.contains(&layer)).map(drop)
    }

    pub fn remove_images(
        &self,
        keep: &BTreeSet<Digest>,
        is_used: &dyn Fn(Digest) -> bool,
        unused_for: Duration,
        now: Timestamp,
    ) -> Vec<Digest> {
        let ImageState { images, layers } = &mut *self.lock_state();
        let unused = images.find_unused(keep, is_used, unused_for, now);
        unused.iter().for_each(|image| images.forget_image(*image));
        let listed = images.list_layers();
        layers.retain(|layer| listed.contains(layer));
        unused
    }

    fn lock_state(&self) -> MutexGuard<'_, ImageState> {
        lock_mutex(&self.0)
    }
}

async fn check_bytes(layer: &LayerDescriptor, mut bytes: ByteStream<'_>) -> Result<()> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match bytes.read(&mut chunk).await.map_err(Error::internal)? {
            0 => break,
            read => {
                hash.update(&chunk[..read]);
                size += read as u64;
            }
        }
    }
    let actual = Digest::new(hash.finalize().into());
    // The fake does not decompress, so it can check the `diff_id` of an uncompressed layer only.
    let is_plain = layer.compression == Compression::None;
    let wrong_diff_id = layer.diff_id.filter(|diff_id| is_plain && *diff_id != actual);
    if actual == layer.digest && size == layer.size && wrong_diff_id.is_none() {
        return Ok(());
    }
    let message = format!("layer {} has a wrong digest or size: {actual}, {size} bytes", layer.digest);
    Err(Error::invalid("layer-digest", message)
        .help("fetch the layer again; if this fails again, push the image again"))
}
