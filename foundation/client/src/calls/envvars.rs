//! Calls about variables.

use hearth_base::{EnvvarName, Result, ToolId, ToolName};
use hearth_wire::{
    envvars::{Envvar, EnvvarOne, EnvvarsList, EnvvarsQuota, EnvvarsQuotaOne},
    reply::Named,
};
use http::Method;

use crate::{Call, Client};

/// Calls to `/envvars/v1`.
#[derive(Debug, Clone, Copy)]
pub struct EnvvarsCalls<'a>(&'a Client);

impl Client {
    /// Calls about variables.
    pub fn envvars(&self) -> EnvvarsCalls<'_> {
        EnvvarsCalls(self)
    }
}

impl EnvvarsCalls<'_> {
    fn tool(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.call(method, "/envvars/v1/tool").segment(tool)
    }

    /// All variables of a tool, by name.
    pub async fn list(&self, tool: &ToolName) -> Result<Named<EnvvarsList>> {
        self.tool(Method::GET, tool).then("/envvars").answer().await
    }

    /// One variable.
    pub async fn show(&self, tool: &ToolName, name: &EnvvarName) -> Result<Named<EnvvarOne>> {
        self.tool(Method::GET, tool).then("/envvars").segment(name).answer().await
    }

    /// Makes a variable, or gives it another value.
    pub async fn create(&self, tool: &ToolName, envvar: &Envvar) -> Result<Named<EnvvarOne>> {
        self.tool(Method::POST, tool).then("/envvars").json(envvar).answer().await
    }

    /// Deletes a variable; the answer has its last value.
    pub async fn delete(&self, tool: &ToolName, name: &EnvvarName) -> Result<Named<EnvvarOne>> {
        self.tool(Method::DELETE, tool).then("/envvars").segment(name).answer().await
    }

    /// How many variables the tool may have, and has.
    pub async fn quota(&self, tool: &ToolName) -> Result<EnvvarsQuota> {
        let call = self.tool(Method::GET, tool).then("/quotas");
        call.answer::<Named<EnvvarsQuotaOne>>().await.map(|answer| answer.content.quota)
    }

    /// All variables of a tool: for the services that start its runs.
    pub async fn of_tool(&self, tool: ToolId) -> Result<Vec<Envvar>> {
        let call = self.0.call(Method::GET, "/envvars/v1/internal/tools").segment(tool);
        call.answer::<Named<EnvvarsList>>().await.map(|answer| answer.content.envvars)
    }
}
