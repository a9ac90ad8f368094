//! The registration of a service: the one line that `hearthd` has of it.

use hearth_base::{Result, Role};

use crate::{config::Section, kit::Kit, mounted::Mounted};

/// A service, as `hearthd` knows it before it runs. Each service's crate has one, called `NAME_SERVICE`.
#[derive(Clone, Copy)]
pub struct Service {
    /// The role that it plays.
    pub role: Role,
    /// Whether it has a database.
    pub database: bool,
    /// Its section of the configuration.
    pub settings: Option<Section>,
    /// Puts it together.
    pub mount: fn(&Kit) -> Result<Mounted>,
}
