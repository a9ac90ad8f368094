//! The tool's own variables.

use std::collections::BTreeMap;

use hearth_base::{Result, Role, Secret, ToolId};

use super::Neighbours;

impl Neighbours {
    /// All of a tool's variables.
    pub async fn envvars(&self, tool: ToolId) -> Result<BTreeMap<String, Secret>> {
        let envvars = self.of(Role::Envvars)?.envvars().of_tool(tool).await?;
        Ok(envvars.into_iter().map(|envvar| (envvar.name.to_string(), envvar.value)).collect())
    }
}
