//! What `jobs` asks of other services, in its own words.

mod envvars;
mod images;
mod logs;
mod quotas;

use std::sync::Arc;

use hearth_base::{Result, Role};
use hearth_client::Client;
use hearth_kit::{Clients, Kit};
use hearth_wire::tools::Quota;

pub use envvars::Given;

/// The other services.
#[derive(Clone)]
pub struct Neighbours {
    clients: Clients,
    /// For a Hearth whose `accounts` does not tell a tool's quota.
    default_quota: Arc<Quota>,
}

impl Neighbours {
    /// Those that `kit` knows.
    pub fn new(kit: &Kit) -> Self {
        Self { clients: kit.clients.clone(), default_quota: Arc::new(kit.config.accounts.quota.clone()) }
    }

    /// A client of one of them.
    pub fn of(&self, role: Role) -> Result<Client> {
        self.clients.of(role)
    }
}
