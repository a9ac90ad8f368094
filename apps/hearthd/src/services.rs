//! The table of services: adding one is one line.

use hearth_base::{Result, Role};
use hearth_kit::{Kit, Mounted};

/// How a role is put together.
pub type Mount = fn(&Kit) -> Result<Mounted>;

/// A role that hearthd can play.
pub struct Service {
    /// Which one.
    pub role: Role,
    /// Whether it has a database.
    pub database: bool,
    /// How it is put together.
    pub mount: Mount,
}

/// Every role, in the order in which they start.
pub const SERVICES: &[Service] = &[
    Service { role: Role::Accounts, database: true, mount: hearth_accounts::mount },
    Service { role: Role::Images, database: true, mount: hearth_images::mount },
    Service { role: Role::Logs, database: true, mount: hearth_logs::mount },
    Service { role: Role::Envvars, database: true, mount: hearth_envvars::mount },
    Service { role: Role::Jobs, database: true, mount: hearth_jobs::mount },
    Service { role: Role::Builds, database: true, mount: hearth_builds::mount },
    Service { role: Role::Builder, database: false, mount: hearth_builder::mount },
    Service { role: Role::Components, database: true, mount: hearth_components::mount },
    Service { role: Role::Notify, database: true, mount: hearth_notify::mount },
    Service { role: Role::Edge, database: false, mount: hearth_edge::mount },
    Service { role: Role::Gateway, database: false, mount: hearth_gateway::mount },
];
