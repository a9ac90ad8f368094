//! Calls of services to `images`.

use std::io;

use hearth_base::{Digest, Result, ToolId};
use hearth_wire::{
    images::internal::{
        ArtifactAttach, BlobOfToolQuery, ImageLayers, ImageResolution, ImageResolveQuery, ImagesOfToolQuery,
        PinPut, UsableImages,
    },
    reply::Done,
};
use http::Method;
use http_body_util::BodyExt;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::Client;

/// Calls of services to `images`.
#[derive(Debug, Clone, Copy)]
pub struct ImagesInternalCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls of services to `images`.
    pub fn images_internal(&self) -> ImagesInternalCalls<'_> {
        ImagesInternalCalls(self)
    }
}

impl ImagesInternalCalls<'_> {
    /// Resolves an image name of a tool.
    pub async fn resolve(&self, tool: ToolId, image: &str) -> Result<ImageResolution> {
        let resolve = ImageResolveQuery { tool, image: image.to_owned() };
        self.0.build_call(Method::GET, "/images/v1/internal/resolve").query(&resolve).fetch_data().await
    }

    /// Lists all images that a tool may use.
    pub async fn list_usable(&self, tool: ToolId) -> Result<UsableImages> {
        self.0
            .build_call(Method::GET, "/images/v1/internal/images")
            .query(&ImagesOfToolQuery { tool })
            .fetch_data()
            .await
    }

    /// Reads the layers of the image with this manifest, which a tool may use.
    pub async fn read_layers(&self, tool: ToolId, manifest: Digest) -> Result<ImageLayers> {
        let call = self.0.build_call(Method::GET, "/images/v1/internal/manifests").segment(manifest);
        call.path_suffix("/layers").query(&ImagesOfToolQuery { tool }).fetch_data().await
    }

    /// Streams the bytes of a blob that a tool may read: of its own images or of provided ones.
    pub async fn open_blob(
        &self,
        tool: ToolId,
        digest: Digest,
    ) -> Result<impl AsyncRead + Send + Unpin + use<>> {
        let answer = self
            .0
            .build_call(Method::GET, "/images/v1/internal/blobs")
            .segment(digest)
            .query(&BlobOfToolQuery { tool: Some(tool) })
            .send_streaming()
            .await?;
        let bytes = answer.into_body().map_err(io::Error::other).into_data_stream();
        Ok(StreamReader::new(Box::pin(bytes)))
    }

    /// Attaches a document to an image of a tool. May be repeated.
    pub async fn attach_artifact(&self, attach: &ArtifactAttach) -> Result<Done> {
        self.0.build_call(Method::POST, "/images/v1/internal/artifacts").json(attach).fetch_data().await
    }

    /// Pins an image in the name of `holder` (`jobs:set_…`), in place of the holder's former pin.
    pub async fn pin_image(&self, holder: &str, pin: &PinPut) -> Result<Done> {
        self.0
            .build_call(Method::PUT, "/images/v1/internal/pins")
            .segment(holder)
            .json(pin)
            .fetch_data()
            .await
    }

    /// Removes the pin of `holder`.
    pub async fn unpin_image(&self, holder: &str) -> Result<Done> {
        self.0.build_call(Method::DELETE, "/images/v1/internal/pins").segment(holder).fetch_data().await
    }
}
