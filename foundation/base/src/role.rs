//! The roles a process of Hearth can play.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Error;

/// Makes the table of roles into an enum, its names and its lists. `finalizers` marks a role that keeps something of
/// tools.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal $($finalizers:ident)?;)*) => {
        /// One role: a service, or a worker without an API. Every role has a key of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Role {
            $($(#[$doc])* #[serde(rename = $name)] $role,)*
        }

        impl Role {
            /// Every role, in the order in which they start.
            pub const ALL: &[Self] = &[$(Self::$role),*];

            /// The roles that keep something of tools, and acknowledge a tool's end when they have erased it.
            pub const KEEPERS: &[Self] = &[$($(roles!(@$finalizers Self::$role),)?)*];

            /// The role's name, as in configuration, logs and the API's paths.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }
        }
    };
    (@finalizers $role:expr) => { $role };
}

// In the order in which they start.
roles! {
    /// People, tools and who may do what.
    Accounts = "accounts";
    /// Images, as an OCI registry.
    Images = "images" finalizers;
    /// Lines that runs and builds have written.
    Logs = "logs" finalizers;
    /// Variables given to every run.
    Envvars = "envvars" finalizers;
    /// What is to run, and what became of it.
    Jobs = "jobs" finalizers;
    /// Images made from sources.
    Builds = "builds" finalizers;
    /// Builds, one at a time.
    Builder = "builder";
    /// From a source to a running tool.
    Components = "components" finalizers;
    /// Mail and webhooks about what became of runs.
    Notify = "notify" finalizers;
    /// Pages of tools.
    Edge = "edge";
    /// The one door of the API.
    Gateway = "gateway";
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().copied().find(|role| role.name() == text).ok_or_else(|| {
            let known = Self::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
            Error::invalid("role", format!("{text:?} is not a role")).help(format!("the roles are {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_one_name_everywhere() -> Result<(), Error> {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>()?, *role);
            assert_eq!(serde_json::to_value(role).map_err(Error::internal)?, role.name());
        }
        assert!("Jobs".parse::<Role>().is_err());
        Ok(())
    }

    #[test]
    fn roles_that_keep_something_of_tools_acknowledge_its_end() {
        assert!(Role::KEEPERS.contains(&Role::Jobs) && Role::KEEPERS.contains(&Role::Notify));
        assert!(!Role::KEEPERS.contains(&Role::Accounts) && !Role::KEEPERS.contains(&Role::Builder));
    }
}
