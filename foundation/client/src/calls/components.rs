//! Calls about deployments.

use hearth_base::{Result, ToolName};
use hearth_wire::{
    components::{
        Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentList, DeploymentQuery,
        Revision, RevisionList,
    },
    reply::Paging,
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/components/v1`.
#[derive(Debug, Clone, Copy)]
pub struct ComponentsCalls<'a>(&'a Client);

impl Client {
    /// Calls about deployments.
    pub fn components(&self) -> ComponentsCalls<'_> {
        ComponentsCalls(self)
    }
}

impl ComponentsCalls<'_> {
    fn tool(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.call(method, "/components/v1/tool").segment(tool)
    }

    fn one(&self, method: Method, tool: &ToolName, deployment: DeploymentId) -> Call<'_> {
        self.tool(method, tool).then("/deployment").segment(deployment)
    }

    /// Starts a deployment.
    pub async fn deploy(
        &self,
        tool: &ToolName,
        create: &DeploymentCreate,
        query: &DeploymentCreateQuery,
    ) -> Result<Deployment> {
        self.tool(Method::POST, tool).then("/deployment").query(query).json(create).data().await
    }

    /// The tool's deployments, the newest first.
    pub async fn list(&self, tool: &ToolName, paging: &Paging) -> Result<DeploymentList> {
        self.tool(Method::GET, tool).then("/deployment").query(paging).data().await
    }

    /// The newest deployment.
    pub async fn latest(&self, tool: &ToolName) -> Result<Deployment> {
        self.tool(Method::GET, tool).then("/deployment/latest").data().await
    }

    /// One deployment; waits for a change when asked to.
    pub async fn show(
        &self,
        tool: &ToolName,
        deployment: DeploymentId,
        query: &DeploymentQuery,
    ) -> Result<Deployment> {
        self.one(Method::GET, tool, deployment).query(query).data().await
    }

    /// Takes a deployment back that is under way or waits.
    pub async fn cancel(&self, tool: &ToolName, deployment: DeploymentId) -> Result<Deployment> {
        self.one(Method::PUT, tool, deployment).then("/cancel").data().await
    }

    /// Forgets a deployment; one that is under way is taken back first.
    pub async fn delete(&self, tool: &ToolName, deployment: DeploymentId) -> Result<Deployment> {
        self.one(Method::DELETE, tool, deployment).data().await
    }

    /// What ran once, the newest first.
    pub async fn revisions(&self, tool: &ToolName, paging: &Paging) -> Result<RevisionList> {
        self.tool(Method::GET, tool).then("/revisions").query(paging).data().await
    }

    /// One revision.
    pub async fn revision(&self, tool: &ToolName, number: u32) -> Result<Revision> {
        self.tool(Method::GET, tool).then("/revisions").segment(number).data().await
    }
}
