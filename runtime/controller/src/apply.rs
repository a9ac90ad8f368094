//! Applying a workload: when the runtime does not have its image, the image is brought to it first.

use std::sync::Arc;

use async_trait::async_trait;
use hearth_base::{Digest, Result};
use hearth_runtime_api::{Bytes, Image, Runtime, Workload};

use crate::locks::KeyedLocks;

/// How often an image is ensured for one apply: it may be removed in between.
const MAX_ENSURES_PER_APPLY: usize = 3;

/// Where the bytes of layers come from.
#[async_trait]
pub trait BlobSource: Send + Sync {
    /// The blob with this digest, from its beginning.
    async fn read_blob(&self, digest: Digest) -> Result<Bytes<'static>>;
}

/// Brings workloads and their images to a runtime.
pub struct Controller {
    runtime: Arc<dyn Runtime>,
    blobs: Arc<dyn BlobSource>,
    /// Images that are being brought, by the digests of their manifests: each is brought once, however many wait for it.
    ensuring: KeyedLocks<Digest>,
}

impl Controller {
    /// A controller of this runtime, whose layers come from there.
    pub fn new(runtime: Arc<dyn Runtime>, blobs: Arc<dyn BlobSource>) -> Self {
        Self { runtime, blobs, ensuring: KeyedLocks::default() }
    }

    /// Applies a workload of this image. May be repeated.
    pub async fn apply(&self, workload: &Workload, image: &Image) -> Result<()> {
        for _ in 0..MAX_ENSURES_PER_APPLY {
            match self.runtime.apply(workload.clone()).await {
                Err(error) if error.code() == "image-missing" => {}
                applied => return applied,
            }
            match self.ensure_image(image).await {
                // It was forgotten while its layers were brought.
                Err(error) if error.code() == "layer-unknown" => {}
                ensured => ensured?,
            }
        }
        self.runtime.apply(workload.clone()).await
    }

    /// Makes an image known to the runtime, and brings the layers that it lacks.
    pub async fn ensure_image(&self, image: &Image) -> Result<()> {
        let _brought_once = self.ensuring.lock(image.reference.digest()).await;
        for layer in self.runtime.ensure_image(image).await? {
            let bytes = self.blobs.read_blob(layer.digest).await?;
            self.runtime.add_layer(&layer, bytes).await?;
        }
        Ok(())
    }
}
