//! Calls about images.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    images::{Image, ProvidedImageInfo, Tag},
    reply::{Done, Listed, Paging},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/images/v1`.
#[derive(Debug, Clone, Copy)]
pub struct ImagesCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about images.
    pub fn images(&self) -> ImagesCalls<'_> {
        ImagesCalls(self)
    }
}

impl ImagesCalls<'_> {
    fn images_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/images/v1/tool").segment(tool).path_suffix("/images")
    }

    /// Lists the images that this Hearth provides.
    pub async fn list_provided(&self) -> Result<Listed<ProvidedImageInfo>> {
        self.0.build_call(Method::GET, "/images/v1/provided").fetch_data().await
    }

    /// Lists the images of a tool.
    pub async fn list(&self, tool: &ToolName, paging: &Paging) -> Result<Listed<Image>> {
        self.images_call(Method::GET, tool).query(paging).fetch_data().await
    }

    /// Lists the tags of an image.
    pub async fn list_tags(&self, tool: &ToolName, image: &str, paging: &Paging) -> Result<Listed<Tag>> {
        self.images_call(Method::GET, tool)
            .segment(image)
            .path_suffix("/tags")
            .query(paging)
            .fetch_data()
            .await
    }

    /// Deletes a tag.
    pub async fn delete_tag(&self, tool: &ToolName, image: &str, tag: &str) -> Result<Done> {
        self.images_call(Method::DELETE, tool)
            .segment(image)
            .path_suffix("/tags")
            .segment(tag)
            .fetch_data()
            .await
    }

    /// Deletes an image with all its tags. Running containers continue, and their content stays pinned.
    pub async fn delete(&self, tool: &ToolName, image: &str) -> Result<Done> {
        self.images_call(Method::DELETE, tool).segment(image).fetch_data().await
    }

    /// Lists the images of all tools, for operators.
    pub async fn list_all(&self, paging: &Paging) -> Result<Listed<Image>> {
        self.0.build_call(Method::GET, "/images/v1/images").query(paging).fetch_data().await
    }
}
