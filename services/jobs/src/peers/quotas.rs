//! Quotas of tools, from `accounts`.

use hearth_base::{Result, Role, ToolId};
use hearth_wire::tools::Quota;

use super::PeerServices;

impl PeerServices {
    /// Fetches a tool's quota.
    pub async fn fetch_quota(&self, tool: ToolId) -> Result<Quota> {
        Ok(self.client_for(Role::Accounts)?.accounts_internal().show_tool_facts(tool).await?.quota)
    }
}
