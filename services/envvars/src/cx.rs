//! The context of this service's handlers and rules.

use std::sync::Arc;

use hearth_base::{Result, Role, SealingKey, ToolId};
use hearth_kit::{Clients, Kit, RequestContext, vault::Vault};
use hearth_wire::jobs::internal::JobsWithEnvvars;
use prometheus_client::metrics::counter::Counter;

use crate::store::Store;

/// The context of this service's handlers and rules.
#[derive(Clone)]
pub struct Cx {
    base: RequestContext,
    pub store: Store,
    pub vault: Vault,
    /// How often all values of a tool were given out.
    pub given_out: Counter,
    clients: Clients,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        let given_out = Counter::default();
        kit.metrics.register(|registry| {
            let help = "How often all values of a job were given to a run";
            registry.register("given_out", help, given_out.clone());
        });
        Ok(Self {
            base: RequestContext::new(kit.clock.clone(), kit.entropy.clone(), Arc::default()),
            store: Store::new(kit.db()?.clone()),
            vault: Vault::of(kit.role, &kit.state),
            given_out,
            clients: kit.clients.clone(),
        })
    }

    /// What seals values that only the runtime opens: `jobs` asks the runtime for it.
    pub async fn sealing_key(&self) -> Result<SealingKey> {
        self.clients.of(Role::Jobs)?.jobs().sealing_key().await
    }

    /// How the jobs of a tool stand to its variables, if `jobs` answers.
    pub async fn jobs(&self, tool: ToolId) -> Option<JobsWithEnvvars> {
        let asked = async { self.clients.of(Role::Jobs)?.jobs().with_envvars(tool).await };
        asked.await.inspect_err(|error| tracing::info!(%error, "which jobs need a restart is not known")).ok()
    }

    /// How many variables a tool may have.
    pub async fn quota(&self, tool: ToolId) -> Result<u32> {
        Ok(self.clients.of(Role::Accounts)?.internal().tool_facts(tool).await?.quota.envvars)
    }
}

hearth_kit::impl_request_context!(Cx, ());
