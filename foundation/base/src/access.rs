//! Access levels: of a member on a tool by role, of a credential by scope.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Role};

/// Access level on a tool in one service. Each level includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read the tool's data.
    Read,
    /// Change what the tool runs and stores.
    Write,
    /// Change the members, and delete the tool.
    Own,
}

impl Access {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Own];

    /// Returns the level's name in scopes and rights.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Own => "own",
        }
    }
}

/// Role of a user on a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolRole {
    /// Reads everything except secrets.
    Viewer,
    /// Changes everything except the members and the existence of the tool.
    Maintainer,
    /// Has full access.
    Owner,
}

impl ToolRole {
    /// Returns the access level of this role, which is the same in every service.
    pub fn granted_access(self) -> Access {
        match self {
            Self::Viewer => Access::Read,
            Self::Maintainer => Access::Write,
            Self::Owner => Access::Own,
        }
    }

    /// Returns the name of the role.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Maintainer => "maintainer",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for ToolRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ToolRole {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Viewer, Self::Maintainer, Self::Owner].into_iter().find(|role| role.name() == text).ok_or_else(
            || {
                Error::invalid("tool-role", format!("invalid role on a tool: {text:?}"))
                    .help("use viewer, maintainer or owner")
            },
        )
    }
}

/// Scope of a credential: `jobs:write`, `*:read`, or `operator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Access up to this level to the caller's tools, in one service or (`None`) in all services.
    Tools(Option<Role>, Access),
    /// The operator rights of the caller, if they have any.
    Operator,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Tools(service, access) => {
                write!(f, "{}:{}", service.map_or("*", Role::name), access.name())
            }
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "operator" {
            return Ok(Self::Operator);
        }
        let refused = || {
            Error::invalid("scope", format!("{text:?} is not a scope")).help(
                "a scope is SERVICE:read, SERVICE:write or SERVICE:own, with * for all services, or operator",
            )
        };
        let (service, access) = text.split_once(':').ok_or_else(refused)?;
        let service = if service == "*" { None } else { Some(service.parse().map_err(|_| refused())?) };
        let access = Access::ALL.into_iter().find(|known| known.name() == access).ok_or_else(refused)?;
        Ok(Self::Tools(service, access))
    }
}

crate::as_text!(Scope);

/// Set of scopes of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Returns the scopes for everything that the caller may do.
    pub fn full_access() -> Self {
        Self(vec![Scope::Tools(None, Access::Own), Scope::Operator])
    }

    /// Returns the scopes of a tool's own token: write access to the tool in all services.
    pub fn for_tool_token() -> Self {
        Self(vec![Scope::Tools(None, Access::Write)])
    }

    /// Creates a set of exactly these scopes.
    pub fn from_scopes(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// Returns the highest access level on a tool in `service`.
    pub fn access_to_service(&self, service: Role) -> Option<Access> {
        self.0
            .iter()
            .filter_map(|scope| match scope {
                Scope::Tools(named, access) if named.is_none_or(|named| named == service) => Some(*access),
                _ => None,
            })
            .max()
    }

    /// Returns the highest access level that holds in every service.
    pub fn access_to_all_services(&self) -> Option<Access> {
        self.0
            .iter()
            .filter_map(|scope| match scope {
                Scope::Tools(None, access) => Some(*access),
                _ => None,
            })
            .max()
    }

    /// True when the operator scope is included.
    pub fn has_operator(&self) -> bool {
        self.0.contains(&Scope::Operator)
    }

    /// Removes the operator scope.
    #[must_use]
    pub fn without_operator(mut self) -> Self {
        self.0.retain(|scope| *scope != Scope::Operator);
        self
    }

    /// True when these scopes include everything in `other`. A caller cannot pass on more rights than they
    /// have.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| match scope {
            Scope::Operator => self.has_operator(),
            Scope::Tools(Some(service), access) => self.access_to_service(*service) >= Some(*access),
            Scope::Tools(None, access) => self.access_to_all_services() >= Some(*access),
        })
    }

    /// Iterates over the scopes.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_round_trips_through_text() {
        for text in ["*:read", "accounts:write", "*:own", "operator"] {
            assert_eq!(text.parse::<Scope>().map(|scope| scope.to_string()).ok(), Some(text.to_owned()));
        }
        assert!("jobs".parse::<Scope>().is_err());
        assert!("nothing:read".parse::<Scope>().is_err());
    }

    #[test]
    fn scopes_contain_only_narrower_scopes() {
        let read = Scopes::from_scopes([Scope::Tools(None, Access::Read)]);
        let one = Scopes::from_scopes([Scope::Tools(Some(Role::Accounts), Access::Write)]);
        assert!(Scopes::full_access().contains_all(&read) && Scopes::full_access().contains_all(&one));
        assert!(!read.contains_all(&one));
        assert!(!one.contains_all(&read));
        assert!(!read.contains_all(&Scopes::full_access()));
    }
}
