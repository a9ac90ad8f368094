//! How much somebody may do: on a tool by their role there, with a credential by its scopes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Role};

/// How much somebody may do with a tool in one service. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Look.
    Read,
    /// Change what the tool runs and has.
    Write,
    /// Change who it belongs to, and end it.
    Own,
}

impl Access {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Own];

    /// The word used in scopes and rights.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Own => "own",
        }
    }
}

/// What a user is to a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolRole {
    /// Sees everything but secrets.
    Viewer,
    /// Changes everything but the tool's people and its end.
    Maintainer,
    /// Does everything.
    Owner,
}

impl ToolRole {
    /// What the role allows in every service.
    pub fn access(self) -> Access {
        match self {
            Self::Viewer => Access::Read,
            Self::Maintainer => Access::Write,
            Self::Owner => Access::Own,
        }
    }

    /// The role's word.
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
                Error::invalid("tool-role", format!("{text:?} is not a role on a tool"))
                    .help("a member is a viewer, a maintainer or an owner")
            },
        )
    }
}

/// One thing a credential may be used for: `jobs:write`, `*:read`, or `operator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Up to this much with the caller's tools, in one service or (`None`) in all.
    Tools(Option<Role>, Access),
    /// The caller's powers as an operator, if they have any.
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

/// Everything a credential may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// All that the caller may do.
    pub fn everything() -> Self {
        Self(vec![Scope::Tools(None, Access::Own), Scope::Operator])
    }

    /// Whatever maintainers do with one tool, from outside: the scope of a tool's own token.
    pub fn maintenance() -> Self {
        Self(vec![Scope::Tools(None, Access::Write)])
    }

    /// Exactly these.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// The most that these allow with a tool in `service`.
    pub fn access(&self, service: Role) -> Option<Access> {
        self.0
            .iter()
            .filter_map(|scope| match scope {
                Scope::Tools(named, access) if named.is_none_or(|named| named == service) => Some(*access),
                _ => None,
            })
            .max()
    }

    /// The most that these allow in every service.
    pub fn access_to_all(&self) -> Option<Access> {
        self.0
            .iter()
            .filter_map(|scope| match scope {
                Scope::Tools(None, access) => Some(*access),
                _ => None,
            })
            .max()
    }

    /// Whether an operator's powers are among them.
    pub fn operator(&self) -> bool {
        self.0.contains(&Scope::Operator)
    }

    /// These without an operator's powers.
    #[must_use]
    pub fn without_operator(mut self) -> Self {
        self.0.retain(|scope| *scope != Scope::Operator);
        self
    }

    /// Whether everything in `other` is allowed by these too: nobody passes on more than they hold.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| match scope {
            Scope::Operator => self.operator(),
            Scope::Tools(Some(service), access) => self.access(*service) >= Some(*access),
            Scope::Tools(None, access) => self.access_to_all() >= Some(*access),
        })
    }

    /// The scopes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_back_as_itself() {
        for text in ["*:read", "accounts:write", "*:own", "operator"] {
            assert_eq!(text.parse::<Scope>().map(|scope| scope.to_string()).ok(), Some(text.to_owned()));
        }
        assert!("jobs".parse::<Scope>().is_err());
        assert!("nothing:read".parse::<Scope>().is_err());
    }

    #[test]
    fn nobody_passes_on_more_than_they_hold() {
        let read = Scopes::of([Scope::Tools(None, Access::Read)]);
        let one = Scopes::of([Scope::Tools(Some(Role::Accounts), Access::Write)]);
        assert!(Scopes::everything().cover(&read) && Scopes::everything().cover(&one));
        assert!(!read.cover(&one));
        assert!(!one.cover(&read));
        assert!(!read.cover(&Scopes::everything()));
    }
}
