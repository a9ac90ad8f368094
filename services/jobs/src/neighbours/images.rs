//! Images and their layers.

use futures::TryStreamExt;
use hearth_base::{Digest, Error, Result, Role, ToolId};
use hearth_runtime_api::{Bytes, Compression, LayerId};
use hearth_wire::{
    feed::{After, Events},
    images::internal::{ImageConfig as Config, ImageKind, PinPut, Resolved, Usables},
};
use http_body_util::BodyExt;
use tokio_util::io::StreamReader;

use super::Neighbours;
use crate::store::{Image, ImageConfig, Layer};

impl Neighbours {
    /// The image that a tool means by `text`.
    pub async fn image(&self, tool: ToolId, text: &str) -> Result<Image> {
        image(self.of(Role::Images)?.images_internal().resolve(tool, text).await?)
    }

    /// All images that a tool may use.
    pub async fn images(&self, tool: ToolId) -> Result<Usables> {
        self.of(Role::Images)?.images_internal().usable(tool).await
    }

    /// A part of the feed of tags that mean something else.
    pub async fn images_feed(&self, after: &After) -> Result<Events> {
        self.of(Role::Images)?.images_internal().feed(after).await
    }

    /// A layer's bytes, as they are stored.
    pub async fn layer(&self, layer: &Layer) -> Result<Bytes<'static>> {
        let response = self.of(Role::Images)?.images_internal().blob(layer.digest).await?;
        let stream = response.into_body().into_data_stream().map_err(std::io::Error::other);
        Ok(Box::new(StreamReader::new(Box::pin(stream))))
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

fn image(resolved: Resolved) -> Result<Image> {
    let Resolved { image, reference, digest, state, kind, layers, config } = resolved;
    let Config { env, entrypoint, cmd, working_dir, user, labels } = config;
    let layers = layers.into_iter().map(|layer| {
        let id: LayerId = layer.diff_id.to_string().parse()?;
        Ok(Layer { digest: layer.digest, id, compression: compression(&layer.media_type)? })
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

/// How a layer of this type is compressed (OCI image specification, `layer.md`, "Distributable Format").
fn compression(media_type: &str) -> Result<Compression> {
    match media_type.rsplit(['.', '+']).next() {
        Some("tar") => Ok(Compression::None),
        Some("gzip") => Ok(Compression::Gzip),
        Some("zstd") => Ok(Compression::Zstd),
        _ => Err(Error::invalid(
            "layer-type",
            format!("layers of the type {media_type:.80?} cannot be unpacked"),
        )
        .help("build the image with gzip or zstd layers")),
    }
}
