//! Configuration: one TOML file, overridden by `HEARTH_…` environment variables, overridden by flags.
//!
//! `kit` has the core sections; a service declares its own with [`settings!`](crate::settings) and registers it in
//! its
//! [`Service`](crate::Service). An unknown key is an error with file and line, also in sections of roles that this
//! process does not run. `HEARTH_SECTION__KEY` sets `section.key`.

mod configured_keys;
mod core;
mod document;
mod load;
mod page;
mod settings;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use hearth_base::Role;
use serde::Deserialize;

pub use self::core::{
    DatabaseSettings, DiskSettings, DoorSettings, LogFormat, LogSettings, OutboundSettings, RuntimeSettings,
    ServiceAddress,
};
pub use configured_keys::list_configured_keys;
pub use document::SectionDocument;
pub use load::{load_config, parse};
pub use page::render_page;
pub use settings::{Section, SectionSettings};

use settings::LoadedSections;

/// The operator's configuration. The defaults suit a single machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct HearthConfig {
    /// The state folder.
    pub state: PathBuf,
    /// The section `[door]`.
    pub door: DoorSettings,
    /// The section `[database]`.
    pub database: DatabaseSettings,
    /// The section `[log]`.
    pub log: LogSettings,
    /// Addresses of services that run in their own processes: the sections `[services.ROLE]`.
    pub services: BTreeMap<Role, ServiceAddress>,
    /// The section `[disk]`: the disk of the state folder.
    pub disk: DiskSettings,
    /// The section `[runtime]`: the runtime on this machine.
    pub runtime: RuntimeSettings,
    /// The section `[outbound]`: connections on behalf of users.
    pub outbound: OutboundSettings,
    /// Sections of services.
    #[serde(skip)]
    sections: LoadedSections,
}

/// Top-level keys that are not sections of services.
const CORE_KEYS: [&str; 8] = ["state", "door", "database", "log", "services", "disk", "runtime", "outbound"];

impl Default for HearthConfig {
    fn default() -> Self {
        Self {
            state: PathBuf::from("/var/lib/hearth"),
            door: DoorSettings::default(),
            database: DatabaseSettings::Files,
            log: LogSettings::default(),
            services: BTreeMap::new(),
            disk: DiskSettings::default(),
            runtime: RuntimeSettings::default(),
            outbound: OutboundSettings::default(),
            sections: LoadedSections::default(),
        }
    }
}

impl HearthConfig {
    /// Reads a service's section; an absent one has its defaults.
    pub fn read_section<S: SectionSettings>(&self) -> Arc<S> {
        self.sections.get()
    }

    /// Replaces a section.
    pub fn set_section<S: SectionSettings>(&mut self, settings: S) {
        self.sections.set(settings);
    }

    /// Returns the configuration with a section changed.
    #[must_use]
    pub fn with_section<S: SectionSettings>(mut self, change: impl FnOnce(&mut S)) -> Self {
        self.change_section(change);
        self
    }

    /// Changes a section.
    pub fn change_section<S: SectionSettings>(&mut self, change: impl FnOnce(&mut S)) {
        let mut settings = (*self.read_section::<S>()).clone();
        change(&mut settings);
        self.set_section(settings);
    }
}
