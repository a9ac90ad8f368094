//! What `jobs` asks of other services, in its own words.

mod envvars;
mod images;
mod logs;
mod notify;
mod quotas;

use hearth_base::{Result, Role};
use hearth_client::Client;
use hearth_kit::{Clients, Kit};

pub use envvars::Given;

/// The other services.
#[derive(Clone)]
pub struct Neighbours {
    clients: Clients,
}

impl Neighbours {
    /// Those that `kit` knows.
    pub fn new(kit: &Kit) -> Self {
        Self { clients: kit.clients.clone() }
    }

    /// The clients of all of them.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// A client of one of them.
    pub fn of(&self, role: Role) -> Result<Client> {
        self.clients.of(role)
    }
}
