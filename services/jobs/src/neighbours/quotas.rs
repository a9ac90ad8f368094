//! How much a tool may use.

use hearth_base::{Result, Role, ToolId};
use hearth_wire::tools::Quota;

use super::Neighbours;

impl Neighbours {
    /// A tool's quota.
    pub async fn quota(&self, tool: ToolId) -> Result<Quota> {
        Ok(self.of(Role::Accounts)?.internal().tool_facts(tool).await?.quota)
    }
}
