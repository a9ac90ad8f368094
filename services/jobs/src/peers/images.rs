//! Images and their layers, from `images`.

use async_trait::async_trait;
use hearth_base::{Digest, Result, Role, ToolId};
use hearth_runtime_api::{ByteStream, ImageReference, LayerDescriptor, Owner};
use hearth_runtime_controller::ImageStore;
use hearth_wire::images::internal::{
    ImageConfig as Config, ImageKind, ImageResolution, PinPut, UsableImages,
};

use super::PeerServices;
use crate::store::{ImageConfig, ResolvedImage};

impl PeerServices {
    /// Resolves an image name for a tool.
    pub async fn resolve_image(&self, tool: ToolId, text: &str) -> Result<ResolvedImage> {
        Ok(to_resolved_image(self.client_for(Role::Images)?.images_internal().resolve(tool, text).await?))
    }

    /// Lists all images that a tool may use.
    pub async fn list_images(&self, tool: ToolId) -> Result<UsableImages> {
        self.client_for(Role::Images)?.images_internal().list_usable(tool).await
    }

    /// Pins an image for `holder`, so that it is not deleted.
    pub async fn pin_image(&self, holder: &str, tool: ToolId, digest: Digest) -> Result<()> {
        self.client_for(Role::Images)?
            .images_internal()
            .pin_image(holder, &PinPut { tool, digest })
            .await
            .map(|_| ())
    }

    /// Removes the pin of `holder`; succeeds if there is none.
    pub async fn unpin_image(&self, holder: &str) -> Result<()> {
        match self.client_for(Role::Images)?.images_internal().unpin_image(holder).await {
            Err(error) if error.kind() == hearth_base::ErrorKind::NotFound => Ok(()),
            done => done.map(|_| ()),
        }
    }
}

#[async_trait]
impl ImageStore for PeerServices {
    async fn find_layers(&self, owner: Owner, image: &ImageReference) -> Result<Vec<LayerDescriptor>> {
        let images = self.client_for(Role::Images)?;
        let found = images.images_internal().read_layers(owner.require_tool()?, image.digest()).await?;
        let layers = found.layers.into_iter().map(|layer| {
            LayerDescriptor::from_manifest(layer.digest, layer.size, &layer.media_type, Some(layer.diff_id))
        });
        layers.collect()
    }

    async fn read_blob(&self, owner: Owner, digest: Digest) -> Result<ByteStream<'static>> {
        let images = self.client_for(Role::Images)?;
        Ok(Box::new(images.images_internal().open_blob(owner.require_tool()?, digest).await?))
    }
}

fn to_resolved_image(resolved: ImageResolution) -> ResolvedImage {
    let ImageResolution { image, reference, digest, state, kind, config } = resolved;
    let Config { env, entrypoint, cmd, working_dir, user, labels } = config;
    ResolvedImage {
        image,
        reference,
        digest,
        state,
        provided: kind == ImageKind::Provided,
        config: ImageConfig { env, entrypoint, cmd, working_dir, user, labels },
    }
}
