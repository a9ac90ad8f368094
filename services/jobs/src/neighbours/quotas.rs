//! How much a tool may use.

use hearth_base::{Kind, Result, Role, ToolId};
use hearth_wire::tools::Quota;

use super::Neighbours;

impl Neighbours {
    /// A tool's quota.
    pub async fn quota(&self, tool: ToolId) -> Result<Quota> {
        match self.of(Role::Accounts)?.internal().tool_facts(tool).await {
            Ok(facts) => Ok(facts.quota),
            // Of a release that does not tell.
            Err(error) if error.kind() == Kind::NotFound && error.code() == "no-such-endpoint" => {
                Ok((*self.default_quota).clone())
            }
            Err(error) => Err(error),
        }
    }
}
