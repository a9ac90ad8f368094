//! Calls that services make to `images`.

use std::io;

use hearth_base::{Digest, Result, ToolId};
use hearth_wire::{
    images::internal::{ImageLayers, OfTool, PinPut, Resolve, Resolved, Usables},
    reply::Done,
};
use http::Method;
use http_body_util::BodyExt;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::Client;

/// Calls that services make to `images`.
#[derive(Debug, Clone, Copy)]
pub struct ImagesInternalCalls<'a>(&'a Client);

impl Client {
    /// Calls that services make to `images`.
    pub fn images_internal(&self) -> ImagesInternalCalls<'_> {
        ImagesInternalCalls(self)
    }
}

impl ImagesInternalCalls<'_> {
    /// The image that a tool means by `image`.
    pub async fn resolve(&self, tool: ToolId, image: &str) -> Result<Resolved> {
        let resolve = Resolve { tool, image: image.to_owned() };
        self.0.call(Method::GET, "/images/v1/internal/resolve").query(&resolve).data().await
    }

    /// All images that a tool may use.
    pub async fn usable(&self, tool: ToolId) -> Result<Usables> {
        self.0.call(Method::GET, "/images/v1/internal/images").query(&OfTool { tool }).data().await
    }

    /// The layers of the image with this manifest, which a tool may use.
    pub async fn read_layers(&self, tool: ToolId, manifest: Digest) -> Result<ImageLayers> {
        let call = self.0.call(Method::GET, "/images/v1/internal/manifests").segment(manifest);
        call.then("/layers").query(&OfTool { tool }).data().await
    }

    /// The bytes of a blob, as they come.
    pub async fn blob(&self, digest: Digest) -> Result<impl AsyncRead + Send + Unpin + use<>> {
        let answer = self.0.call(Method::GET, "/images/v1/internal/blobs").segment(digest).streamed().await?;
        let bytes = answer.into_body().map_err(io::Error::other).into_data_stream();
        Ok(StreamReader::new(Box::pin(bytes)))
    }

    /// Relies on an image in the name of `holder` (`jobs:set_…`), in place of what that holder relied on before.
    pub async fn pin(&self, holder: &str, pin: &PinPut) -> Result<Done> {
        self.0.call(Method::PUT, "/images/v1/internal/pins").segment(holder).json(pin).data().await
    }

    /// Relies on nothing any more.
    pub async fn unpin(&self, holder: &str) -> Result<Done> {
        self.0.call(Method::DELETE, "/images/v1/internal/pins").segment(holder).data().await
    }
}
