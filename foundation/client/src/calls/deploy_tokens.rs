//! Calls about deploy tokens.

use hearth_base::{Result, ToolName};
use hearth_wire::{accounts::deploy_tokens::DeployTokenCall, components::DeployToken};
use http::Method;

use super::{AccountsInternalCalls, ComponentsCalls};

impl ComponentsCalls<'_> {
    /// Shows the deploy token of a tool.
    pub async fn show_deploy_token(&self, tool: &ToolName) -> Result<DeployToken> {
        self.call_deploy_token(Method::GET, tool).await
    }

    /// Creates the deploy token of a tool.
    pub async fn create_deploy_token(&self, tool: &ToolName) -> Result<DeployToken> {
        self.call_deploy_token(Method::POST, tool).await
    }

    /// Replaces the deploy token of a tool.
    pub async fn replace_deploy_token(&self, tool: &ToolName) -> Result<DeployToken> {
        self.call_deploy_token(Method::PUT, tool).await
    }

    /// Deletes the deploy token of a tool.
    pub async fn delete_deploy_token(&self, tool: &ToolName) -> Result<DeployToken> {
        self.call_deploy_token(Method::DELETE, tool).await
    }

    async fn call_deploy_token(&self, method: Method, tool: &ToolName) -> Result<DeployToken> {
        self.tool_call(method, tool).path_suffix("/deployment/token").fetch_data().await
    }
}

impl AccountsInternalCalls<'_> {
    /// Shows or changes the deploy token of a tool, for `components`.
    pub async fn call_deploy_token(&self, call: &DeployTokenCall) -> Result<DeployToken> {
        self.0.build_call(Method::POST, "/accounts/v1/internal/deploy-tokens").json(call).fetch_data().await
    }
}
