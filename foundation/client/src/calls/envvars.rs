//! Calls about variables.

use hearth_base::{EnvvarName, JobName, Result, ToolId, ToolName};
use hearth_wire::{
    envvars::{
        EnvvarCreate, EnvvarOne, EnvvarsChange, EnvvarsChangedOne, EnvvarsList, EnvvarsQuery, EnvvarsQuota,
        EnvvarsQuotaOne, EnvvarsScope,
        internal::{EnvvarsGiven, EnvvarsRevisions},
    },
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

    /// Variables of a tool, or of one of its jobs, by name.
    pub async fn list(&self, tool: &ToolName, query: &EnvvarsQuery) -> Result<Named<EnvvarsList>> {
        self.tool(Method::GET, tool).then("/envvars").query(query).answer().await
    }

    /// One variable.
    pub async fn show(
        &self,
        tool: &ToolName,
        name: &EnvvarName,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarOne>> {
        self.tool(Method::GET, tool).then("/envvars").segment(name).query(scope).answer().await
    }

    /// Makes a variable, or gives it another value.
    pub async fn create(
        &self,
        tool: &ToolName,
        envvar: &EnvvarCreate,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarOne>> {
        self.tool(Method::POST, tool).then("/envvars").query(scope).json(envvar).answer().await
    }

    /// Changes several variables together, or none of them.
    pub async fn change(
        &self,
        tool: &ToolName,
        change: &EnvvarsChange,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarsChangedOne>> {
        self.tool(Method::PATCH, tool).then("/envvars").query(scope).json(change).answer().await
    }

    /// Deletes a variable; the answer has its last value.
    pub async fn delete(
        &self,
        tool: &ToolName,
        name: &EnvvarName,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarOne>> {
        self.tool(Method::DELETE, tool).then("/envvars").segment(name).query(scope).answer().await
    }

    /// How many variables the tool may have, and has.
    pub async fn quota(&self, tool: &ToolName) -> Result<EnvvarsQuota> {
        let call = self.tool(Method::GET, tool).then("/quotas");
        call.answer::<Named<EnvvarsQuotaOne>>().await.map(|answer| answer.content.quota)
    }

    /// All variables that a run of `job` has: for the service that starts it.
    pub async fn of_run(&self, tool: ToolId, job: &JobName) -> Result<EnvvarsGiven> {
        let call = self.0.call(Method::GET, "/envvars/v1/internal/tools").segment(tool);
        let call = call.then("/jobs").segment(job);
        call.answer::<Named<EnvvarsGiven>>().await.map(|answer| answer.content)
    }

    /// Which state the variables of a tool's jobs are in: for `jobs`.
    pub async fn revisions(&self, tool: ToolId) -> Result<EnvvarsRevisions> {
        let call = self.0.call(Method::GET, "/envvars/v1/internal/tools").segment(tool).then("/revisions");
        call.answer::<Named<EnvvarsRevisions>>().await.map(|answer| answer.content)
    }
}
