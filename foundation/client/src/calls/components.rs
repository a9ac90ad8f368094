//! Calls about deployments.

use hearth_base::{EnvironmentName, Result, ToolName};
use hearth_wire::{
    components::{
        Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentList, DeploymentPlan,
        DeploymentPlanQuery, DeploymentQuery, Environment, EnvironmentList, Revision, RevisionList,
    },
    reply::{Data, Paging},
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/components/v1`.
#[derive(Debug, Clone, Copy)]
pub struct ComponentsCalls<'a>(pub(super) &'a Client);

impl Client {
    /// Returns the calls about deployments.
    pub fn components(&self) -> ComponentsCalls<'_> {
        ComponentsCalls(self)
    }
}

impl ComponentsCalls<'_> {
    pub(super) fn tool_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/components/v1/tool").segment(tool)
    }

    fn deployment_call(&self, method: Method, tool: &ToolName, deployment: DeploymentId) -> Call<'_> {
        self.tool_call(method, tool).path_suffix("/deployment").segment(deployment)
    }

    /// Starts a deployment.
    pub async fn create_deployment(
        &self,
        tool: &ToolName,
        create: &DeploymentCreate,
        query: &DeploymentCreateQuery,
    ) -> Result<Deployment> {
        self.create_deployment_with_messages(tool, create, query).await.map(|answer| answer.data)
    }

    /// Starts a deployment. Its messages have warnings about the configuration.
    pub async fn create_deployment_with_messages(
        &self,
        tool: &ToolName,
        create: &DeploymentCreate,
        query: &DeploymentCreateQuery,
    ) -> Result<Data<Deployment>> {
        self.tool_call(Method::POST, tool)
            .path_suffix("/deployment")
            .query(query)
            .json(create)
            .fetch_json()
            .await
    }

    /// Plans a deployment without changing anything; the response has warnings about the configuration.
    pub async fn plan_deployment(
        &self,
        tool: &ToolName,
        create: &DeploymentCreate,
        query: &DeploymentPlanQuery,
    ) -> Result<Data<DeploymentPlan>> {
        self.tool_call(Method::POST, tool).path_suffix("/plan").query(query).json(create).fetch_json().await
    }

    /// Lists the environments of a tool.
    pub async fn list_environments(&self, tool: &ToolName) -> Result<EnvironmentList> {
        self.tool_call(Method::GET, tool).path_suffix("/environments").fetch_data().await
    }

    /// Deletes the jobs of an environment, and with them its page.
    pub async fn delete_environment(
        &self,
        tool: &ToolName,
        environment: &EnvironmentName,
    ) -> Result<Environment> {
        let call = self.tool_call(Method::DELETE, tool).path_suffix("/environments").segment(environment);
        call.fetch_data().await
    }

    /// Lists the deployments of a tool, newest first.
    pub async fn list(&self, tool: &ToolName, paging: &Paging) -> Result<DeploymentList> {
        self.tool_call(Method::GET, tool).path_suffix("/deployment").query(paging).fetch_data().await
    }

    /// Shows the newest deployment.
    pub async fn show_latest(&self, tool: &ToolName) -> Result<Deployment> {
        self.tool_call(Method::GET, tool).path_suffix("/deployment/latest").fetch_data().await
    }

    /// Shows a deployment; waits for a change on request.
    pub async fn show(
        &self,
        tool: &ToolName,
        deployment: DeploymentId,
        query: &DeploymentQuery,
    ) -> Result<Deployment> {
        self.deployment_call(Method::GET, tool, deployment).query(query).fetch_data().await
    }

    /// Cancels a queued or running deployment.
    pub async fn cancel(&self, tool: &ToolName, deployment: DeploymentId) -> Result<Deployment> {
        self.deployment_call(Method::PUT, tool, deployment).path_suffix("/cancel").fetch_data().await
    }

    /// Deletes a deployment; a running one is cancelled first.
    pub async fn delete(&self, tool: &ToolName, deployment: DeploymentId) -> Result<Deployment> {
        self.deployment_call(Method::DELETE, tool, deployment).fetch_data().await
    }

    /// Lists the revisions of a tool, newest first.
    pub async fn list_revisions(&self, tool: &ToolName, paging: &Paging) -> Result<RevisionList> {
        self.tool_call(Method::GET, tool).path_suffix("/revisions").query(paging).fetch_data().await
    }

    /// Shows a revision.
    pub async fn show_revision(&self, tool: &ToolName, number: u32) -> Result<Revision> {
        self.tool_call(Method::GET, tool).path_suffix("/revisions").segment(number).fetch_data().await
    }
}
