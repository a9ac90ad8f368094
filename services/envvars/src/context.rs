//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{Result, Role, SealingKey, ToolId};
use hearth_kit::{Kit, RequestContext, ServiceClients, vault::Vault};
use hearth_wire::jobs::internal::JobsWithEnvvars;
use prometheus_client::metrics::counter::Counter;

use crate::store::EnvvarStore;

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct EnvvarsContext {
    base: RequestContext,
    pub store: EnvvarStore,
    pub vault: Vault,
    /// Counter of requests for all variables of a run.
    pub lists_given_to_runs: Counter,
    clients: ServiceClients,
}

impl EnvvarsContext {
    pub fn new(kit: &Kit) -> Result<Self> {
        let given_out = Counter::default();
        kit.metrics.register(|registry| {
            let help = "Number of times that all variables of a job were given to a run";
            registry.register("given_out", help, given_out.clone());
        });
        Ok(Self {
            base: RequestContext::new(kit.clock.clone(), kit.entropy.clone(), Arc::default()),
            store: EnvvarStore::new(kit.db()?.clone()),
            vault: Vault::new(kit.role, &kit.state),
            lists_given_to_runs: given_out,
            clients: kit.clients.clone(),
        })
    }

    /// Fetches the public key that seals values for the runtime; `jobs` gets it from the runtime.
    pub async fn fetch_sealing_key(&self) -> Result<SealingKey> {
        self.clients.create_client(Role::Jobs)?.jobs().fetch_sealing_key().await
    }

    /// Fetches the jobs of a tool with outdated variables, if `jobs` responds.
    pub async fn fetch_job_states(&self, tool: ToolId) -> Option<JobsWithEnvvars> {
        let asked = async { self.clients.create_client(Role::Jobs)?.jobs().show_envvar_states(tool).await };
        asked
            .await
            .inspect_err(|error| tracing::info!(%error, "jobs with outdated variables not listed"))
            .ok()
    }

    /// Fetches the maximum number of variables of a tool.
    pub async fn fetch_quota(&self, tool: ToolId) -> Result<u32> {
        Ok(self
            .clients
            .create_client(Role::Accounts)?
            .accounts_internal()
            .show_tool_facts(tool)
            .await?
            .quota
            .envvars)
    }
}

hearth_kit::impl_request_context!(EnvvarsContext, ());
