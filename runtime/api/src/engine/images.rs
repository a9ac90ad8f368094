//! The images that a runtime knows, with their layers and the times of their last use. It stores no layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hearth_base::{Digest, Error, Result};
use jiff::Timestamp;

use crate::{Image, LayerDescriptor, Workload};

/// The images that a runtime knows, by the digests of their manifests.
#[derive(Debug, Default)]
pub struct ImageLedger {
    images: BTreeMap<Digest, KnownImage>,
}

#[derive(Debug)]
struct KnownImage {
    image: Image,
    last_used_at: Timestamp,
}

impl ImageLedger {
    /// The images that an earlier process knew. They count as used now.
    pub fn new(images: impl IntoIterator<Item = Image>, now: Timestamp) -> Self {
        let known = images
            .into_iter()
            .map(|image| (image.reference.digest(), KnownImage { image, last_used_at: now }));
        Self { images: known.collect() }
    }

    /// Whether an image is new here. One that breaks a rule is refused, and so is one that is known with other layers
    /// (`image-differs`).
    pub fn check_new(&self, image: &Image) -> Result<bool> {
        image.check()?;
        match self.images.get(&image.reference.digest()) {
            None => Ok(true),
            Some(known) if known.image.layers == image.layers => Ok(false),
            Some(_) => Err(Error::invalid(
                "image-differs",
                format!("the image {} is known here with other layers", image.reference.digest()),
            )
            .help("read its manifest again: a digest means one list of layers for ever")),
        }
    }

    /// Notes that an image is there and was used now.
    pub fn note_use(&mut self, image: &Image, now: Timestamp) {
        let known = self.images.entry(image.reference.digest());
        known.or_insert_with(|| KnownImage { image: image.clone(), last_used_at: now }).last_used_at = now;
    }

    /// The image of a workload, which counts as used now. An image that is not known, or of which `has_layer` lacks a
    /// layer, is refused (`image-missing`).
    pub fn use_image(
        &mut self,
        workload: &Workload,
        now: Timestamp,
        has_layer: impl Fn(Digest) -> bool,
    ) -> Result<&Image> {
        let missing =
            |what: String| Error::conflict("image-missing", what).help("ensure it, and apply again");
        let reference = &workload.image;
        let known = self.images.get_mut(&reference.digest());
        let known = known.ok_or_else(|| missing(format!("the image {reference} is not here")))?;
        if let Some(layer) = known.image.layers.iter().find(|layer| !has_layer(layer.digest)) {
            return Err(missing(format!("the layer {} of the image {reference} is not here", layer.digest)));
        }
        known.last_used_at = now;
        Ok(&known.image)
    }

    /// Refuses a layer that no known image lists (`layer-unknown`).
    pub fn check_layer(&self, layer: &LayerDescriptor) -> Result<()> {
        if self.images.values().any(|known| known.image.layers.contains(layer)) {
            return Ok(());
        }
        Err(Error::conflict(
            "layer-unknown",
            format!("no image that is known here lists the layer {}", layer.digest),
        )
        .help("ensure its image first"))
    }

    /// The layers of an image that `has_layer` lacks, each once.
    pub fn find_missing_layers(image: &Image, has_layer: impl Fn(Digest) -> bool) -> Vec<LayerDescriptor> {
        let mut seen = BTreeSet::new();
        let lacking =
            image.layers.iter().filter(|layer| !has_layer(layer.digest) && seen.insert(layer.digest));
        lacking.cloned().collect()
    }

    /// The images that may be forgotten: see [`crate::Runtime::remove_images`].
    pub fn find_unused(
        &self,
        keep: &BTreeSet<Digest>,
        is_used: impl Fn(Digest) -> bool,
        unused_for: Duration,
        now: Timestamp,
    ) -> Vec<Digest> {
        let is_idle = |known: &KnownImage| {
            let idle = now.duration_since(known.last_used_at);
            Duration::try_from(idle).is_ok_and(|idle| idle >= unused_for)
        };
        let unused = self
            .images
            .iter()
            .filter(|(digest, known)| !keep.contains(digest) && !is_used(**digest) && is_idle(known));
        unused.map(|(digest, _)| *digest).collect()
    }

    /// Forgets an image.
    pub fn forget_image(&mut self, digest: Digest) {
        self.images.remove(&digest);
    }

    /// The layers of all known images.
    pub fn layers(&self) -> BTreeSet<Digest> {
        let layers = self.images.values().flat_map(|known| &known.image.layers);
        layers.map(|layer| layer.digest).collect()
    }
}
