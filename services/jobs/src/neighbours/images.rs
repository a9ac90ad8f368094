//! Images and their layers.

use async_trait::async_trait;
use hearth_base::{Digest, Result, Role, ToolId};
use hearth_runtime_api::{Bytes, ImageReference, LayerDescriptor, Owner};
use hearth_runtime_controller::ImageStore;
use hearth_wire::images::internal::{ImageConfig as Config, ImageKind, PinPut, Resolved, Usables};

use super::Neighbours;
use crate::store::{Image, ImageConfig};

impl Neighbours {
    /// The image that a tool means by `text`.
    pub async fn image(&self, tool: ToolId, text: &str) -> Result<Image> {
        Ok(image(self.of(Role::Images)?.images_internal().resolve(tool, text).await?))
    }

    /// All images that a tool may use.
    pub async fn images(&self, tool: ToolId) -> Result<Usables> {
        self.of(Role::Images)?.images_internal().usable(tool).await
    }

    /// Relies on an image in the name of `holder`.
    pub async fn pin(&self, holder: &str, tool: ToolId, digest: Digest) -> Result<()> {
        self.of(Role::Images)?.images_internal().pin(holder, &PinPut { tool, digest }).await.map(|_| ())
    }

    /// Relies on nothing any more.
    pub async fn unpin(&self, holder: &str) -> Result<()> {
        match self.of(Role::Images)?.images_internal().unpin(holder).await {
            Err(error) if error.kind() == hearth_base::Kind::NotFound => Ok(()),
            done => done.map(|_| ()),
        }
    }
}

#[async_trait]
impl ImageStore for Neighbours {
    async fn find_layers(&self, owner: Owner, image: &ImageReference) -> Result<Vec<LayerDescriptor>> {
        let images = self.of(Role::Images)?;
        let found = images.images_internal().read_layers(owner.require_tool()?, image.digest()).await?;
        let layers = found.layers.into_iter().map(|layer| {
            LayerDescriptor::from_manifest(layer.digest, layer.size, &layer.media_type, Some(layer.diff_id))
        });
        layers.collect()
    }

    async fn read_blob(&self, digest: Digest) -> Result<Bytes<'static>> {
        Ok(Box::new(self.of(Role::Images)?.images_internal().blob(digest).await?))
    }
}

fn image(resolved: Resolved) -> Image {
    let Resolved { image, reference, digest, state, kind, config } = resolved;
    let Config { env, entrypoint, cmd, working_dir, user, labels } = config;
    Image {
        image,
        reference,
        digest,
        state,
        provided: kind == ImageKind::Provided,
        config: ImageConfig { env, entrypoint, cmd, working_dir, user, labels },
    }
}
