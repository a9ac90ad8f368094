//! Roles of Hearth's processes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Error;

/// Declares the enum of roles with names and lists. `finalizers` marks a role that stores data of tools.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal $($finalizers:ident)?;)*) => {
        /// Role of a process: a service, or a worker without an API. Every role has its own key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Role {
            $($(#[$doc])* #[serde(rename = $name)] $role,)*
        }

        impl Role {
            /// All roles, in the order of their start.
            pub const ALL: &[Self] = &[$(Self::$role),*];

            /// Roles that store data of tools and acknowledge a tool's deletion after they have erased it.
            pub const WITH_TOOL_FINALIZERS: &[Self] = &[$($(roles!(@$finalizers Self::$role),)?)*];

            /// Returns the name of the role, as in configuration, logs and the API's paths.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }
        }
    };
    (@finalizers $role:expr) => { $role };
}

// In the order of their start.
roles! {
    /// Users, tools and their access rights.
    Accounts = "accounts";
    /// Images: an OCI registry.
    Images = "images" finalizers;
    /// Logs of runs and builds.
    Logs = "logs" finalizers;
    /// Environment variables of runs.
    Envvars = "envvars" finalizers;
    /// Jobs, their runs and schedules.
    Jobs = "jobs" finalizers;
    /// Homes of tools and their files.
    Storage = "storage" finalizers;
    /// Builds of images.
    Builds = "builds" finalizers;
    /// Worker that runs builds.
    Builder = "builder";
    /// Deployments of tools.
    Components = "components" finalizers;
    /// Mail and webhooks about events.
    Notify = "notify" finalizers;
    /// Reverse proxy of tools' web pages.
    Edge = "edge";
    /// Single entry point of the API.
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
    fn role_has_one_name_everywhere() -> Result<(), Error> {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>()?, *role);
            assert_eq!(serde_json::to_value(role).map_err(Error::internal)?, role.name());
        }
        assert!("Jobs".parse::<Role>().is_err());
        Ok(())
    }

    #[test]
    fn roles_that_store_tool_data_have_finalizers() {
        assert!(
            Role::WITH_TOOL_FINALIZERS.contains(&Role::Jobs)
                && Role::WITH_TOOL_FINALIZERS.contains(&Role::Notify)
        );
        assert!(
            !Role::WITH_TOOL_FINALIZERS.contains(&Role::Accounts)
                && !Role::WITH_TOOL_FINALIZERS.contains(&Role::Builder)
        );
    }
}
