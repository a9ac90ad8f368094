//! What handlers and rules of this service stand on.

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use hearth_base::{Clock, Result, Role, ToolId};
use hearth_kit::{Clients, Kit};
use prometheus_client::metrics::counter::Counter;

use crate::{store::Store, vault::Vault};

/// What handlers and rules of this service stand on.
#[derive(Clone)]
pub struct Cx {
    pub store: Store,
    pub vault: Vault,
    pub clock: Arc<dyn Clock>,
    /// How often all values of a tool were given out.
    pub given_out: Counter,
    clients: Clients,
}

impl Cx {
    pub fn new(kit: &Kit) -> Result<Self> {
        let given_out = Counter::default();
        kit.metrics.register(|registry| {
            let help = "How often all values of a tool were given to a run or build";
            registry.register("given_out", help, given_out.clone());
        });
        Ok(Self {
            store: Store::new(kit.db()?.clone()),
            vault: Vault::at(&kit.state),
            clock: kit.clock.clone(),
            given_out,
            clients: kit.clients.clone(),
        })
    }

    /// How many variables a tool may have.
    pub async fn quota(&self, tool: ToolId) -> Result<u32> {
        Ok(self.clients.of(Role::Accounts)?.internal().tool_facts(tool).await?.quota.envvars)
    }
}

impl FromRequestParts<Cx> for Cx {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, cx: &Cx) -> Result<Self, Infallible> {
        Ok(cx.clone())
    }
}
