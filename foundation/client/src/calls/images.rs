//! Calls about images.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    images::{Image, Provided, Tag},
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/images/v1`.
#[derive(Debug, Clone, Copy)]
pub struct ImagesCalls<'a>(&'a Client);

impl Client {
    /// Calls about images.
    pub fn images(&self) -> ImagesCalls<'_> {
        ImagesCalls(self)
    }
}

impl ImagesCalls<'_> {
    fn of(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.call(method, "/images/v1/tool").segment(tool).then("/images")
    }

    /// The images that this Hearth provides.
    pub async fn provided(&self) -> Result<Listed<Provided>> {
        self.0.call(Method::GET, "/images/v1/provided").data().await
    }

    /// A tool's images.
    pub async fn list(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Image>> {
        self.of(Method::GET, tool).query(paging).data().await
    }

    /// The tags of one.
    pub async fn tags(&self, tool: &ToolName, image: &str, paging: &Paging) -> Result<Listed<Tag>> {
        self.of(Method::GET, tool).segment(image).then("/tags").query(paging).data().await
    }

    /// Takes a tag away.
    pub async fn tag_delete(&self, tool: &ToolName, image: &str, tag: &str) -> Result<Done> {
        self.of(Method::DELETE, tool).segment(image).then("/tags").segment(tag).data().await
    }

    /// Deletes an image with all its tags. What runs goes on, and keeps what it needs.
    pub async fn delete(&self, tool: &ToolName, image: &str) -> Result<Done> {
        self.of(Method::DELETE, tool).segment(image).data().await
    }

    /// All tools' images, for operators.
    pub async fn list_all(&self, paging: &Paging) -> Result<Listed<Image>> {
        self.0.call(Method::GET, "/images/v1/images").query(paging).data().await
    }
}
