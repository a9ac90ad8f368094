//! What the making of an image stands on.

use std::sync::Arc;

use hearth_base::{Clock, Result, Role};
use hearth_client::Client;
use hearth_kit::{Clients, Kit, db::work::Holder};
use hearth_runtime_api::Runtime;
use hearth_wire::builds::internal::Builder;

use crate::BuilderSettings;

/// What the making of an image stands on.
#[derive(Clone)]
pub struct Cx {
    pub runtime: Arc<dyn Runtime>,
    pub settings: Arc<BuilderSettings>,
    pub clock: Arc<dyn Clock>,
    /// Who this builder is.
    pub builder: Option<Builder>,
    clients: Clients,
}

impl Cx {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let builder = kit.holder().map(|Holder { place, life, .. }| Builder { place, life });
        Ok(Self {
            runtime,
            settings: kit.settings(),
            clock: kit.clock.clone(),
            builder,
            clients: kit.clients.clone(),
        })
    }

    /// A client of a service.
    pub fn of(&self, role: Role) -> Result<Client> {
        self.clients.of(role)
    }
}
