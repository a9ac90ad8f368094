//! The registered images of a runtime, with their layers and times of last use. The layers are stored
//! elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hearth_base::{Digest, Error, Result};
use jiff::Timestamp;

use crate::{LayerDescriptor, ResolvedImage, Workload};

/// The registered images, by the digests of their manifests.
#[derive(Debug, Default)]
pub struct ImageLedger {
    images: BTreeMap<Digest, ImageEntry>,
}

#[derive(Debug)]
struct ImageEntry {
    image: ResolvedImage,
    last_used_at: Timestamp,
}

impl ImageLedger {
    /// Registers the images of an earlier runtime process. They count as used now.
    pub fn new(images: impl IntoIterator<Item = ResolvedImage>, now: Timestamp) -> Self {
        let entries = images
            .into_iter()
            .map(|image| (image.reference.digest(), ImageEntry { image, last_used_at: now }));
        Self { images: entries.collect() }
    }

    /// Validates an image, and returns true if it is new. Error `image-differs` when it is registered with
    /// other layers.
    pub fn check_is_new(&self, image: &ResolvedImage) -> Result<bool> {
        image.check_volume()?;
        match self.images.get(&image.reference.digest()) {
            None => Ok(true),
            Some(entry) if entry.image.layers == image.layers => Ok(false),
            Some(_) => Err(Error::invalid(
                "image-differs",
                format!("image is registered with other layers: {}", image.reference.digest()),
            )
            .help("read the manifest again; the layers of a digest never change")),
        }
    }

    /// Registers an image and marks it as used now.
    pub fn record_use(&mut self, image: &ResolvedImage, now: Timestamp) {
        let entry = self.images.entry(image.reference.digest());
        entry.or_insert_with(|| ImageEntry { image: image.clone(), last_used_at: now }).last_used_at = now;
    }

    /// Returns the image of a workload and marks it as used now. Error `image-missing` when the image is not
    /// registered, or when `has_layer` lacks one of its layers.
    pub fn use_image(
        &mut self,
        workload: &Workload,
        now: Timestamp,
        has_layer: impl Fn(Digest) -> bool,
    ) -> Result<&ResolvedImage> {
        let missing =
            |what: String| Error::conflict("image-missing", what).help("ensure the image and apply again");
        let reference = &workload.image;
        let entry = self.images.get_mut(&reference.digest());
        let entry = entry.ok_or_else(|| missing(format!("image is missing: {reference}")))?;
        if let Some(layer) = entry.image.layers.iter().find(|layer| !has_layer(layer.digest)) {
            return Err(missing(format!("layer {} of an image is missing: {reference}", layer.digest)));
        }
        entry.last_used_at = now;
        Ok(&entry.image)
    }

    /// Error `layer-unknown` when no registered image lists the layer.
    pub fn check_layer(&self, layer: &LayerDescriptor) -> Result<()> {
        if self.images.values().any(|entry| entry.image.layers.contains(layer)) {
            return Ok(());
        }
        Err(Error::conflict(
            "layer-unknown",
            format!("layer belongs to no registered image: {}", layer.digest),
        )
        .help("ensure the layer's image first"))
    }

    /// Lists the registered images.
    pub fn list_images(&self) -> impl Iterator<Item = &ResolvedImage> {
        self.images.values().map(|entry| &entry.image)
    }

    /// Lists the registered images that have a layer.
    pub fn list_images_with(&self, layer: Digest) -> impl Iterator<Item = &ResolvedImage> {
        self.list_images().filter(move |image| image.layers.iter().any(|other| other.digest == layer))
    }

    /// Lists the layers of an image that `has_layer` lacks, each once.
    pub fn find_missing_layers(
        image: &ResolvedImage,
        has_layer: impl Fn(Digest) -> bool,
    ) -> Vec<LayerDescriptor> {
        let mut seen = BTreeSet::new();
        let lacking =
            image.layers.iter().filter(|layer| !has_layer(layer.digest) && seen.insert(layer.digest));
        lacking.cloned().collect()
    }

    /// Finds the images that may be deleted; see [`crate::Runtime::remove_images`].
    pub fn find_unused(
        &self,
        keep: &BTreeSet<Digest>,
        is_used: impl Fn(Digest) -> bool,
        unused_for: Duration,
        now: Timestamp,
    ) -> Vec<Digest> {
        let is_idle = |entry: &ImageEntry| {
            let idle = now.duration_since(entry.last_used_at);
            Duration::try_from(idle).is_ok_and(|idle| idle >= unused_for)
        };
        let unused = self
            .images
            .iter()
            .filter(|(digest, entry)| !keep.contains(digest) && !is_used(**digest) && is_idle(entry));
        unused.map(|(digest, _)| *digest).collect()
    }

    /// Deletes an image from the ledger.
    pub fn forget_image(&mut self, digest: Digest) {
        self.images.remove(&digest);
    }

    /// The layers of all registered images.
    pub fn list_layers(&self) -> BTreeSet<Digest> {
        let layers = self.images.values().flat_map(|entry| &entry.image.layers);
        layers.map(|layer| layer.digest).collect()
    }
}
