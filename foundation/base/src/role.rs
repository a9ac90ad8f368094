//! The roles a process of Hearth can play.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Error;

/// One role: a service, or a worker without an API. Every role has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one door of the API.
    Gateway,
    /// People, tools and who may do what.
    Accounts,
    /// Images, as an OCI registry.
    Images,
    /// Lines that runs and builds have written.
    Logs,
    /// Variables given to every run.
    Envvars,
    /// What is to run, and what became of it.
    Jobs,
    /// Images made from sources.
    Builds,
    /// Builds, one at a time.
    Builder,
    /// From a source to a running tool.
    Components,
    /// Pages of tools.
    Edge,
    /// Mail and webhooks about what became of runs.
    Notify,
}

impl Role {
    /// Every role, in the order in which they start.
    pub const ALL: &[Self] = &[
        Self::Accounts,
        Self::Images,
        Self::Logs,
        Self::Envvars,
        Self::Jobs,
        Self::Builds,
        Self::Builder,
        Self::Components,
        Self::Notify,
        Self::Edge,
        Self::Gateway,
    ];

    /// Every role that can sign, whether or not this release starts it.
    const NAMED: &[Self] = &[
        Self::Gateway,
        Self::Accounts,
        Self::Images,
        Self::Logs,
        Self::Envvars,
        Self::Jobs,
        Self::Builds,
        Self::Builder,
        Self::Components,
        Self::Edge,
        Self::Notify,
    ];

    /// The roles that keep something of tools, and acknowledge a tool's end when they have erased it.
    pub const KEEPERS: &[Self] =
        &[Self::Images, Self::Logs, Self::Envvars, Self::Jobs, Self::Builds, Self::Components, Self::Notify];

    /// The role's name, as in configuration and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Accounts => "accounts",
            Self::Images => "images",
            Self::Logs => "logs",
            Self::Envvars => "envvars",
            Self::Jobs => "jobs",
            Self::Builds => "builds",
            Self::Builder => "builder",
            Self::Components => "components",
            Self::Edge => "edge",
            Self::Notify => "notify",
        }
    }

    /// The first segments of the API's paths that this role serves.
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["gateway"],
            Self::Accounts => &["accounts", "tools"],
            Self::Images => &["images", "v2"],
            Self::Logs => &["logs"],
            Self::Envvars => &["envvars"],
            Self::Jobs => &["jobs"],
            Self::Builds => &["builds"],
            Self::Builder => &["builder"],
            Self::Components => &["components"],
            Self::Edge => &["edge"],
            Self::Notify => &["notify"],
        }
    }

    /// The role that serves the API's paths beginning with `segment`.
    pub fn serving(segment: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.prefixes().contains(&segment))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::NAMED.iter().copied().find(|role| role.name() == text).ok_or_else(|| {
            let known = Self::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
            Error::invalid("role", format!("{text:?} is not a role")).help(format!("the roles are {known}"))
        })
    }
}
