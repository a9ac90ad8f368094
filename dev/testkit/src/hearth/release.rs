//! The programs of two releases in one Hearth: those of this build and those of the release before it.

use std::{env, path::PathBuf};

use hearth_base::{Error, Result, Role};

use super::program::program_path;

/// Environment variable with the folder of the previous release's programs. Without it, the programs of this
/// build play both parts, which tests the suite itself.
const PREVIOUS_RELEASE_VARIABLE: &str = "HEARTH_TEST_PREVIOUS_RELEASE";

/// Roles that release 0.1.0 has. A role that is missing here runs only in processes of this build.
const ROLES_OF_PREVIOUS_RELEASE: [Role; 11] = [
    Role::Accounts,
    Role::Images,
    Role::Logs,
    Role::Envvars,
    Role::Jobs,
    Role::Builds,
    Role::Builder,
    Role::Components,
    Role::Notify,
    Role::Edge,
    Role::Gateway,
];

/// A release of Hearth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The programs of this build.
    Current,
    /// The programs of the release before.
    Previous,
}

impl Release {
    /// Returns the path of a program of this release.
    #[expect(clippy::disallowed_methods, reason = "the environment names the previous release")]
    pub fn program_path(self, name: &str) -> Result<PathBuf> {
        let folder = match self {
            Self::Current => None,
            Self::Previous => env::var_os(PREVIOUS_RELEASE_VARIABLE),
        };
        let Some(folder) = folder else { return program_path(name) };
        let program = PathBuf::from(folder).join(name);
        match program.is_file() {
            true => Ok(program),
            false => Err(Error::internal(format!(
                "{} is missing; cargo xtask soak mixed builds the previous release",
                program.display()
            ))),
        }
    }

    /// Returns the name of the configuration file: the previous release refuses sections of new roles.
    pub(super) fn config_file(self) -> &'static str {
        match self {
            Self::Current => "hearth.toml",
            Self::Previous => "previous.toml",
        }
    }
}

/// The release of each process that is started from now on.
#[derive(Debug, Clone, Copy)]
pub struct ReleasePlan {
    /// The release of the process of a role.
    pub role: fn(Role) -> Release,
    /// The release of all other processes: the runtime, and those that serve all roles.
    pub others: Release,
}

impl ReleasePlan {
    /// Every process is of this build.
    pub const ALL_CURRENT: Self = Self { role: |_| Release::Current, others: Release::Current };
    /// Every process is of the previous release.
    pub const ALL_PREVIOUS: Self = Self { role: |_| Release::Previous, others: Release::Previous };
}

/// True if the previous release does not have this role.
pub(super) fn is_new_role(role: Role) -> bool {
    !ROLES_OF_PREVIOUS_RELEASE.contains(&role)
}
