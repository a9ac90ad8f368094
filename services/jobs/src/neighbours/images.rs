//! Images and their layers.

use async_trait::async_trait;
use futures::TryStreamExt;
use hearth_base::{Digest, Result, Role, ToolId};
use hearth_runtime_api::{Bytes, LayerDescriptor};
use hearth_runtime_controller::BlobSource;
use hearth_wire::images::internal::{ImageConfig as Config, ImageKind, PinPut, Resolved, Usables};
use http_body_util::BodyExt;
use tokio_util::io::StreamReader;

use super::Neighbours;
use crate::store::{Image, ImageConfig};

impl Neighbours {
    /// The image that a tool means by `text`.
    pub async fn image(&self, tool: ToolId, text: &str) -> Result<Image> {
        image(self.of(Role::Images)?.images_internal().resolve(tool, text).await?)
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
impl BlobSource for Neighbours {
    async fn read_blob(&self, digest: Digest) -> Result<Bytes<'static>> {
        let response = self.of(Role::Images)?.images_internal().blob(digest).await?;
        let stream = response.into_body().into_data_stream().map_err(std::io::Error::other);
        Ok(Box::new(StreamReader::new(Box::pin(stream))))
    }
}

fn image(resolved: Resolved) -> Result<Image> {
    let Resolved { image, reference, digest, state, kind, layers, config } = resolved;
    let Config { env, entrypoint, cmd, working_dir, user, labels } = config;
    let layers = layers.into_iter().map(|layer| {
        LayerDescriptor::from_manifest(layer.digest, layer.size, &layer.media_type, Some(layer.diff_id))
    });
    Ok(Image {
        image,
        reference,
        digest,
        state,
        provided: kind == ImageKind::Provided,
        layers: layers.collect::<Result<_>>()?,
        config: ImageConfig { env, entrypoint, cmd, working_dir, user, labels },
    })
}
