//! Calls that services make to `images`.

use hearth_base::{Digest, Result, ToolId};
use hearth_wire::{
    images::internal::{OfTool, PinPut, Resolve, Resolved, Usables},
    reply::Done,
};
use http::{Method, Response};

use crate::{Body, Client};

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

    /// A layer's blob, as a stream.
    pub async fn blob(&self, digest: Digest) -> Result<Response<Body>> {
        self.0.call(Method::GET, "/images/v1/internal/blobs").segment(digest).streamed().await
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
