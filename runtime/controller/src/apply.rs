//! Applying a workload: when the runtime does not have its image, the image is brought to it first.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_base::{Digest, Result};
use hearth_runtime_api::{Bytes, Image, ImageReference, LayerDescriptor, Owner, Runtime, Workload};

use crate::locks::KeyedLocks;

/// The most deliveries of an image for one apply: it may be removed in between.
const MAX_DELIVERIES_PER_APPLY: usize = 3;

/// A store of images.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// The layers of an image that this owner may use, the lowest first.
    async fn find_layers(&self, owner: Owner, image: &ImageReference) -> Result<Vec<LayerDescriptor>>;

    /// The blob with this digest, from its beginning.
    async fn read_blob(&self, digest: Digest) -> Result<Bytes<'static>>;
}

/// Brings workloads and their images to a runtime.
pub struct Controller {
    runtime: Arc<dyn Runtime>,
    images: Arc<dyn ImageStore>,
    /// Images that are being brought, by the digests of their manifests: each is brought once, however many wait for it.
    delivering: KeyedLocks<Digest>,
}

impl Controller {
    /// A controller of this runtime, whose images come from there.
    pub fn new(runtime: Arc<dyn Runtime>, images: Arc<dyn ImageStore>) -> Self {
        Self { runtime, images, delivering: KeyedLocks::default() }
    }

    /// Applies a workload. When the runtime does not have its image, and only then, the store is asked for it. May be
    /// repeated.
    pub async fn apply_workload(&self, workload: &Workload) -> Result<()> {
        let Some(applied) = self.apply_with_image(workload).await else {
            let _delivered_once = self.delivering.lock(workload.image.digest()).await;
            return self.deliver_and_apply(workload).await;
        };
        applied
    }

    /// `None`, when the runtime does not have the image.
    async fn apply_with_image(&self, workload: &Workload) -> Option<Result<()>> {
        match self.runtime.apply(workload.clone()).await {
            Err(error) if error.code() == "image-missing" => None,
            applied => Some(applied),
        }
    }

    async fn deliver_and_apply(&self, workload: &Workload) -> Result<()> {
        for _ in 0..MAX_DELIVERIES_PER_APPLY {
            // Who had the lock before may have brought it.
            if let Some(applied) = self.apply_with_image(workload).await {
                return applied;
            }
            match self.deliver_image(workload.owner, &workload.image).await {
                // It was forgotten while its layers were brought.
                Err(error) if error.code() == "layer-unknown" => {}
                delivered => delivered?,
            }
        }
        self.runtime.apply(workload.clone()).await
    }

    /// Makes an image known to the runtime, and brings the layers that it lacks.
    async fn deliver_image(&self, owner: Owner, reference: &ImageReference) -> Result<()> {
        let layers = self.images.find_layers(owner, reference).await?;
        let image = Image { reference: reference.clone(), layers };
        for layer in self.runtime.ensure_image(&image).await? {
            let bytes = self.images.read_blob(layer.digest).await?;
            self.runtime.add_layer(&layer, bytes).await?;
        }
        Ok(())
    }
}
