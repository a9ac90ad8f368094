//! The table of services: adding one is one line.

use hearth_kit::{Service, config::Section};

/// Every role, in the order in which they start.
pub const SERVICES: &[Service] = &[
    hearth_accounts::SERVICE,
    hearth_images::SERVICE,
    hearth_logs::SERVICE,
    hearth_envvars::SERVICE,
    hearth_jobs::SERVICE,
    hearth_builds::SERVICE,
    hearth_builder::SERVICE,
    hearth_components::SERVICE,
    hearth_notify::SERVICE,
    hearth_edge::SERVICE,
    hearth_gateway::SERVICE,
];

/// The sections of the configuration that services own, whether or not this process plays their roles.
pub fn sections() -> Vec<Section> {
    SERVICES.iter().filter_map(|service| service.settings).collect()
}
