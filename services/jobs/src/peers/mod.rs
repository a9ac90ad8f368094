//! Clients of other services, with results in the types of `jobs`.

mod credentials;
mod envvars;
mod images;
mod logs;
mod notify;
mod quotas;

use hearth_base::{Result, Role};
use hearth_client::Client;
use hearth_kit::{Kit, ServiceClients};

pub use envvars::RunEnvvars;

/// Clients of the services that `jobs` calls.
#[derive(Clone)]
pub struct PeerServices {
    clients: ServiceClients,
}

impl PeerServices {
    /// Clients of the services in `kit`.
    pub fn new(kit: &Kit) -> Self {
        Self { clients: kit.clients.clone() }
    }

    /// The clients of all services.
    pub fn clients(&self) -> &ServiceClients {
        &self.clients
    }

    /// Returns the client of one service.
    pub fn client_for(&self, role: Role) -> Result<Client> {
        self.clients.create_client(role)
    }
}
