//! What the making of an image stands on.

use std::sync::Arc;

use hearth_base::{Clock, Role};
use hearth_client::Client;
use hearth_kit::{Clients, Kit, config::Builder};
use hearth_runtime_api::Runtime;

/// What the making of an image stands on.
#[derive(Clone)]
pub struct Cx {
    pub runtime: Arc<dyn Runtime>,
    pub settings: Arc<Builder>,
    pub clock: Arc<dyn Clock>,
    clients: Clients,
}

impl Cx {
    pub fn new(kit: &Kit, runtime: Arc<dyn Runtime>) -> Self {
        Self {
            runtime,
            settings: Arc::new(kit.config.builder.clone()),
            clock: kit.clock.clone(),
            clients: kit.clients.clone(),
        }
    }

    /// A client of a service.
    pub fn of(&self, role: Role) -> hearth_base::Result<Client> {
        self.clients.of(role)
    }
}
