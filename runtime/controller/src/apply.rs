//! Applies workloads, and delivers missing images to the runtime.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_base::{Digest, Result};
use hearth_runtime_api::{
    ByteStream, ImageReference, LayerDescriptor, Owner, ResolvedImage, Runtime, Workload,
};

use crate::locks::KeyedLocks;

/// Maximum number of image deliveries per apply. More than one is needed when the image is garbage-collected
/// meanwhile.
const MAX_DELIVERIES_PER_APPLY: usize = 3;

/// A store of images.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Finds the layers of an image that this owner may use, the lowest first.
    async fn find_layers(&self, owner: Owner, image: &ImageReference) -> Result<Vec<LayerDescriptor>>;

    /// Opens the blob with this digest, if the owner may read it.
    async fn read_blob(&self, owner: Owner, digest: Digest) -> Result<ByteStream<'static>>;
}

/// Applies workloads to a runtime, with their images.
pub struct Controller {
    runtime: Arc<dyn Runtime>,
    images: Arc<dyn ImageStore>,
    /// Locks of image deliveries, by manifest digest. Concurrent applies of one image deliver it once.
    delivering: KeyedLocks<Digest>,
}

impl Controller {
    /// Builds a controller for a runtime and a store of images.
    pub fn new(runtime: Arc<dyn Runtime>, images: Arc<dyn ImageStore>) -> Self {
        Self { runtime, images, delivering: KeyedLocks::default() }
    }

    /// Applies a workload. Queries the store only if the runtime does not have the image. Idempotent.
    pub async fn apply_workload(&self, workload: &Workload) -> Result<()> {
        // Applying first avoids a query of the store for images that the runtime has, which is the usual
        // case.
        let Some(applied) = self.apply_with_image(workload).await else {
            let _delivery_lock = self.delivering.lock(workload.image.digest()).await;
            return self.deliver_and_apply(workload).await;
        };
        applied
    }

    /// Delivers an image before a workload needs it. The runtime then counts it as used now.
    pub async fn prepare_image(&self, owner: Owner, image: &ImageReference) -> Result<()> {
        let _delivery_lock = self.delivering.lock(image.digest()).await;
        self.deliver_image(owner, image).await
    }

    /// Applies a workload. `None` when the runtime does not have the image.
    async fn apply_with_image(&self, workload: &Workload) -> Option<Result<()>> {
        match self.runtime.apply(workload.clone()).await {
            Err(error) if error.code() == "image-missing" => None,
            applied => Some(applied),
        }
    }

    async fn deliver_and_apply(&self, workload: &Workload) -> Result<()> {
        for _ in 0..MAX_DELIVERIES_PER_APPLY {
            // The previous holder of the lock may have delivered the image.
            if let Some(applied) = self.apply_with_image(workload).await {
                return applied;
            }
            match self.deliver_image(workload.owner, &workload.image).await {
                // The image was garbage-collected during the delivery of its layers.
                Err(error) if error.code() == "layer-unknown" => {}
                delivered => delivered?,
            }
        }
        self.runtime.apply(workload.clone()).await
    }

    /// Registers an image with the runtime and delivers its missing layers.
    async fn deliver_image(&self, owner: Owner, reference: &ImageReference) -> Result<()> {
        let layers = self.images.find_layers(owner, reference).await?;
        let image = ResolvedImage { reference: reference.clone(), layers };
        for layer in self.runtime.ensure_image(&image).await? {
            let bytes = self.images.read_blob(owner, layer.digest).await?;
            self.runtime.add_layer(&layer, bytes).await?;
        }
        Ok(())
    }
}
