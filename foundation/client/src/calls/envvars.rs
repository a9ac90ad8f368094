//! Calls about environment variables.

use hearth_base::{EnvvarName, JobName, Result, ToolId, ToolName};
use hearth_wire::{
    envvars::{
        EnvvarCreate, EnvvarOne, EnvvarsChange, EnvvarsChangedOne, EnvvarsList, EnvvarsQuery, EnvvarsQuota,
        EnvvarsQuotaOne, EnvvarsScope,
        internal::{EnvvarsAt, EnvvarsGiven, EnvvarsRevisions},
    },
    reply::Named,
};
use http::Method;
use jiff::Timestamp;

use crate::{Call, Client};

/// Calls to `/envvars/v1`.
#[derive(Debug, Clone, Copy)]
pub struct EnvvarsCalls<'a>(&'a Client);

impl Client {
    /// Returns the calls about environment variables.
    pub fn envvars(&self) -> EnvvarsCalls<'_> {
        EnvvarsCalls(self)
    }
}

impl EnvvarsCalls<'_> {
    fn tool_call(&self, method: Method, tool: &ToolName) -> Call<'_> {
        self.0.build_call(method, "/envvars/v1/tool").segment(tool)
    }

    /// Lists the variables of a tool or of one of its jobs, by name.
    pub async fn list(&self, tool: &ToolName, query: &EnvvarsQuery) -> Result<Named<EnvvarsList>> {
        self.tool_call(Method::GET, tool).path_suffix("/envvars").query(query).fetch_json().await
    }

    /// Shows a variable.
    pub async fn show(
        &self,
        tool: &ToolName,
        name: &EnvvarName,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarOne>> {
        self.tool_call(Method::GET, tool)
            .path_suffix("/envvars")
            .segment(name)
            .query(scope)
            .fetch_json()
            .await
    }

    /// Creates or updates a variable.
    pub async fn create(
        &self,
        tool: &ToolName,
        envvar: &EnvvarCreate,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarOne>> {
        self.tool_call(Method::POST, tool)
            .path_suffix("/envvars")
            .query(scope)
            .json(envvar)
            .fetch_json()
            .await
    }

    /// Changes several variables, all or none.
    pub async fn change_many(
        &self,
        tool: &ToolName,
        change: &EnvvarsChange,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarsChangedOne>> {
        self.tool_call(Method::PATCH, tool)
            .path_suffix("/envvars")
            .query(scope)
            .json(change)
            .fetch_json()
            .await
    }

    /// Deletes a variable; the response has its last value.
    pub async fn delete(
        &self,
        tool: &ToolName,
        name: &EnvvarName,
        scope: &EnvvarsScope,
    ) -> Result<Named<EnvvarOne>> {
        self.tool_call(Method::DELETE, tool)
            .path_suffix("/envvars")
            .segment(name)
            .query(scope)
            .fetch_json()
            .await
    }

    /// Shows the quota and the number of the tool's variables.
    pub async fn show_quota(&self, tool: &ToolName) -> Result<EnvvarsQuota> {
        let call = self.tool_call(Method::GET, tool).path_suffix("/quotas");
        call.fetch_json::<Named<EnvvarsQuotaOne>>().await.map(|answer| answer.content.quota)
    }

    /// Lists all variables of the runs of `job`, for the service that starts them; with a time, with the values of then.
    pub async fn list_for_run(
        &self,
        tool: ToolId,
        job: &JobName,
        at: Option<Timestamp>,
    ) -> Result<EnvvarsGiven> {
        let call = self.0.build_call(Method::GET, "/envvars/v1/internal/tools").segment(tool);
        let call = call.path_suffix("/jobs").segment(job).query(&EnvvarsAt { at });
        call.fetch_json::<Named<EnvvarsGiven>>().await.map(|answer| answer.content)
    }

    /// Shows the state hashes of the variables of a tool's jobs, for `jobs`.
    pub async fn show_revisions(&self, tool: ToolId) -> Result<EnvvarsRevisions> {
        let call = self
            .0
            .build_call(Method::GET, "/envvars/v1/internal/tools")
            .segment(tool)
            .path_suffix("/revisions");
        call.fetch_json::<Named<EnvvarsRevisions>>().await.map(|answer| answer.content)
    }
}
