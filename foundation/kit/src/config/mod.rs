//! Configuration: one TOML file, then `HEARTH_…` environment variables, then flags.
//!
//! `kit` has the core sections; a service declares its own with [`settings!`](crate::settings) and registers it in its
//! [`Service`](crate::Service). Unknown keys are refused with the file and line, also in sections of roles that this
//! process does not run. `HEARTH_SECTION__KEY` sets `section.key`.

mod core;
mod document;
mod load;
mod page;
mod settings;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use hearth_base::Role;
use serde::Deserialize;

pub use self::core::{Database, Door, Log, LogFormat, Outbound, Runtime, ServicePlace};
pub use document::SectionDocument;
pub use load::{load, parse};
pub use page::render_page;
pub use settings::{Section, Settings};

use settings::Sections;

/// The settings of an operator. An absent one has a default that suits one machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The folder with everything that must outlive a process.
    pub state: PathBuf,
    /// The door.
    pub door: Door,
    /// Where data is kept.
    pub database: Database,
    /// The log.
    pub log: Log,
    /// Where services are that run in processes of their own.
    pub services: BTreeMap<Role, ServicePlace>,
    /// The runtime on this machine.
    pub runtime: Runtime,
    /// What may be reached for users.
    pub outbound: Outbound,
    /// The services' own sections.
    #[serde(skip)]
    sections: Sections,
}

/// The keys of a file that are not services' sections.
const CORE_KEYS: [&str; 7] = ["state", "door", "database", "log", "services", "runtime", "outbound"];

impl Default for Config {
    fn default() -> Self {
        Self {
            state: PathBuf::from("/var/lib/hearth"),
            door: Door::default(),
            database: Database::Files,
            log: Log::default(),
            services: BTreeMap::new(),
            runtime: Runtime::default(),
            outbound: Outbound::default(),
            sections: Sections::default(),
        }
    }
}

impl Config {
    /// A service's own section. It has its defaults when it was not read.
    pub fn section<S: Settings>(&self) -> Arc<S> {
        self.sections.get()
    }

    /// Replaces a section.
    pub fn set<S: Settings>(&mut self, settings: S) {
        self.sections.set(settings);
    }

    /// The same configuration with a section changed.
    #[must_use]
    pub fn with<S: Settings>(mut self, change: impl FnOnce(&mut S)) -> Self {
        self.change(change);
        self
    }

    /// Changes a section.
    pub fn change<S: Settings>(&mut self, change: impl FnOnce(&mut S)) {
        let mut settings = (*self.section::<S>()).clone();
        change(&mut settings);
        self.set(settings);
    }
}
