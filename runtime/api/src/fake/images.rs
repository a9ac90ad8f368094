//! The fake unpacks nothing; it checks that a layer's bytes are what its descriptor says.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use hearth_base::{Digest, Error, Result};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt;

use super::locked;
use crate::{Bytes, Compression, Image, LayerDescriptor, Workload, engine::ImageLedger};

/// The images of a fake.
#[derive(Default)]
pub struct Images(Mutex<Known>);

#[derive(Default)]
struct Known {
    images: ImageLedger,
    layers: BTreeSet<Digest>,
}

impl Images {
    pub fn ensure_image(&self, image: &Image, now: Timestamp) -> Result<Vec<LayerDescriptor>> {
        let mut known = self.known();
        known.images.check_new(image)?;
        known.images.note_use(image, now);
        Ok(ImageLedger::find_missing_layers(image, |layer| known.layers.contains(&layer)))
    }

    /// Notes an image with all its layers, without bytes.
    pub fn put_image(&self, image: &Image, now: Timestamp) {
        let mut known = self.known();
        known.images.note_use(image, now);
        known.layers.extend(image.layers.iter().map(|layer| layer.digest));
    }

    pub async fn add_layer(&self, layer: &LayerDescriptor, bytes: Bytes<'_>) -> Result<()> {
        self.known().images.check_layer(layer)?;
        check_bytes(layer, bytes).await?;
        self.known().layers.insert(layer.digest);
        Ok(())
    }

    pub fn check_workload(&self, workload: &Workload, now: Timestamp) -> Result<()> {
        let Known { images, layers } = &mut *self.known();
        images.use_image(workload, now, |layer| layers.contains(&layer)).map(drop)
    }

    pub fn remove_images(
        &self,
        keep: &BTreeSet<Digest>,
        is_used: &dyn Fn(Digest) -> bool,
        unused_for: Duration,
        now: Timestamp,
    ) -> Vec<Digest> {
        let Known { images, layers } = &mut *self.known();
        let unused = images.find_unused(keep, is_used, unused_for, now);
        unused.iter().for_each(|image| images.forget_image(*image));
        let kept = images.layers();
        layers.retain(|layer| kept.contains(layer));
        unused
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.0)
    }
}

async fn check_bytes(layer: &LayerDescriptor, mut bytes: Bytes<'_>) -> Result<()> {
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
    let found = Digest::new(hash.finalize().into());
    // Only what is not packed unpacks to itself.
    let is_plain = layer.compression == Compression::None;
    let unpacked = layer.diff_id.filter(|diff_id| is_plain && *diff_id != found);
    if found == layer.digest && size == layer.size && unpacked.is_none() {
        return Ok(());
    }
    Err(Error::invalid("layer-digest", format!("the layer {} came as {found} of {size} bytes", layer.digest))
        .help("fetch it again; if that does not help, push the image again"))
}
