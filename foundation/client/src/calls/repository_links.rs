//! Calls about linked repositories.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    components::{
        ForgeDelivery, RepositoryLink, RepositoryLinkCreate, RepositoryLinkId, RepositoryLinkList,
        RepositoryLinkPatch, RepositoryLinkSecret,
    },
    reply::{Done, Listed, Paging},
};
use http::Method;

use super::components::ComponentsCalls;
use crate::Call;

impl ComponentsCalls<'_> {
    fn links_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.tool_call(method, tool).path_suffix("/repository-links")
    }

    /// Lists the linked repositories of a tool, oldest first.
    pub async fn list_repository_links(&self, tool: &ToolName) -> Result<RepositoryLinkList> {
        self.links_call(Method::GET, tool).fetch_data().await
    }

    /// Links a repository. The answer has the secret of its webhook.
    pub async fn create_repository_link(
        &self,
        tool: &ToolName,
        create: &RepositoryLinkCreate,
    ) -> Result<RepositoryLinkSecret> {
        self.links_call(Method::POST, tool).json(create).fetch_data().await
    }

    /// Shows a linked repository.
    pub async fn show_repository_link(
        &self,
        tool: &ToolName,
        link: RepositoryLinkId,
    ) -> Result<RepositoryLink> {
        self.links_call(Method::GET, tool).segment(link).fetch_data().await
    }

    /// Changes a link.
    pub async fn update_repository_link(
        &self,
        tool: &ToolName,
        link: RepositoryLinkId,
        patch: &RepositoryLinkPatch,
    ) -> Result<RepositoryLink> {
        self.links_call(Method::PATCH, tool).segment(link).json(patch).fetch_data().await
    }

    /// Deletes a link with its delivery log.
    pub async fn delete_repository_link(&self, tool: &ToolName, link: RepositoryLinkId) -> Result<Done> {
        self.links_call(Method::DELETE, tool).segment(link).fetch_data().await
    }

    /// Replaces the secret of a link's webhook. The caller becomes the owner of the link.
    pub async fn rotate_repository_link_secret(
        &self,
        tool: &ToolName,
        link: RepositoryLinkId,
    ) -> Result<RepositoryLinkSecret> {
        let call = self.links_call(Method::POST, tool).segment(link);
        call.path_suffix("/secret").fetch_data().await
    }

    /// Lists the deliveries of a link, newest first.
    pub async fn list_forge_deliveries(
        &self,
        tool: &ToolName,
        link: RepositoryLinkId,
        paging: &Paging,
    ) -> Result<Listed<ForgeDelivery>> {
        let call = self.links_call(Method::GET, tool).segment(link);
        call.path_suffix("/deliveries").query(paging).fetch_data().await
    }
}
