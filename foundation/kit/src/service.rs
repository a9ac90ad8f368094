//! Registration of a service in `hearthd`.

use hearth_base::{Result, Role};

use crate::{config::Section, kit::Kit, mounted::MountedService};

/// Registration of a service. Each service's crate has one, called `NAME_SERVICE`.
#[derive(Clone, Copy)]
pub struct Service {
    /// The role.
    pub role: Role,
    /// True when the service has a database.
    pub has_database: bool,
    /// The service's section of the configuration.
    pub settings: Option<Section>,
    /// Mounts the service.
    pub mount: fn(&Kit) -> Result<MountedService>,
}
