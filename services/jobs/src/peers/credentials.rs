//! Credentials of runs, from `accounts`.

use hearth_base::{Result, Role, Scopes, TokenId};
use hearth_wire::accounts::internal::{ToolTokenCreate, ToolTokenCreated};

use super::PeerServices;
use crate::store::Workload;

impl PeerServices {
    /// Creates a token of the workload's tool.
    pub async fn create_run_token(
        &self,
        workload: &Workload,
        scopes: Scopes,
        life_seconds: u32,
    ) -> Result<ToolTokenCreated> {
        let cause = workload.id.to_string();
        let create = ToolTokenCreate { tool: workload.tool, scopes, life_seconds, cause, build: None };
        self.client_for(Role::Accounts)?.accounts_internal().create_tool_token(&create).await
    }

    /// Revokes a token of a run.
    pub async fn revoke_run_token(&self, token: TokenId) -> Result<()> {
        self.client_for(Role::Accounts)?.accounts_internal().revoke_tool_token(token).await.map(drop)
    }
}
