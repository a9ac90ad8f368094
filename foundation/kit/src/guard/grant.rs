//! Who has a right, and what they are granted with it.

use hearth_base::{
    Access, Caller, Error, Identity, Kind, Result, Role, ToolGrant, ToolId, ToolName, UserId, UserName,
};

/// Who has a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anyone, signed in or not.
    Nothing,
    /// Anyone who has signed in, a tool's own token included.
    SignedIn,
    /// A person, with a credential that may be used for all that they may do.
    User,
    /// A person who runs this Hearth.
    Operator,
    /// This much with the tool in the path.
    Tool(Access),
    /// The tool in the path, and a person who runs this Hearth.
    ToolOperator,
    /// These services, and nobody from outside.
    Services(&'static [Role]),
}

/// What a handler learns about a caller who has a right.
pub trait Granted: Clone + Send + Sync + 'static {
    /// Checks `identity` against what the right called `name` needs.
    fn to(identity: &Identity, needs: Needs, name: &'static str) -> Result<Self>;
}

/// Anyone at all, or anyone signed in.
#[derive(Debug, Clone)]
pub struct Anybody {
    /// Who it is.
    pub caller: Caller,
}

/// A person.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// Their name now.
    pub name: UserName,
    /// Whether they act as an operator.
    pub operator: bool,
}

/// Somebody with a right on the tool in the path.
#[derive(Debug, Clone)]
pub struct Member {
    /// The tool.
    pub id: ToolId,
    /// Its name now.
    pub name: ToolName,
    /// What they may do with it here.
    pub access: Access,
}

/// Another service.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Which one.
    pub role: Role,
}

impl Granted for Anybody {
    fn to(identity: &Identity, needs: Needs, name: &'static str) -> Result<Self> {
        match (&identity.caller, needs) {
            (Caller::Service { .. }, _) => Err(forbidden(name)),
            (Caller::Nobody, Needs::SignedIn) => Err(nobody()),
            (caller, Needs::Nothing | Needs::SignedIn) => Ok(Self { caller: caller.clone() }),
            _ => Err(misdeclared(name)),
        }
    }
}

impl Granted for Person {
    fn to(identity: &Identity, needs: Needs, name: &'static str) -> Result<Self> {
        let person = match &identity.caller {
            Caller::Nobody => return Err(nobody()),
            Caller::User { id, name, operator } => Self { id: *id, name: name.clone(), operator: *operator },
            Caller::Tool { .. } | Caller::Service { .. } => return Err(forbidden(name)),
        };
        match needs {
            Needs::User if identity.is_unlimited() => Ok(person),
            Needs::Operator if person.operator => Ok(person),
            Needs::User | Needs::Operator => Err(forbidden(name)),
            _ => Err(misdeclared(name)),
        }
    }
}

impl Granted for Member {
    fn to(identity: &Identity, needs: Needs, name: &'static str) -> Result<Self> {
        let needed = match needs {
            Needs::Tool(access) => access,
            Needs::ToolOperator if identity.is_operator() => Access::Read,
            Needs::ToolOperator if identity.caller == Caller::Nobody => return Err(nobody()),
            Needs::ToolOperator => return Err(forbidden(name)),
            _ => return Err(misdeclared(name)),
        };
        match (&identity.caller, &identity.tool) {
            (Caller::Nobody, _) => Err(nobody()),
            (_, Some(ToolGrant::Missing)) => Err(missing()),
            (_, Some(ToolGrant::Granted { id, name: tool, access })) if *access >= needed => {
                Ok(Self { id: *id, name: tool.clone(), access: *access })
            }
            _ => Err(forbidden(name)),
        }
    }
}

impl Granted for Peer {
    fn to(identity: &Identity, needs: Needs, name: &'static str) -> Result<Self> {
        match (&identity.caller, needs) {
            (Caller::Nobody, _) => Err(nobody()),
            (Caller::Service { role }, Needs::Services(allowed)) if allowed.contains(role) => {
                Ok(Self { role: *role })
            }
            (_, Needs::Services(_)) => Err(forbidden(name)),
            _ => Err(misdeclared(name)),
        }
    }
}

/// The code of the refusal of somebody of whom nothing is known.
pub const NOT_SIGNED_IN: &str = "not-signed-in";

fn nobody() -> Error {
    Error::unauthenticated(NOT_SIGNED_IN, "nobody is signed in").help("hearth login")
}

fn missing() -> Error {
    Error::new(Kind::NotFound, "no-such-tool", "there is no tool of that name").help("hearth tool list --all")
}

fn forbidden(name: &'static str) -> Error {
    Error::forbidden(
        "forbidden",
        format!("this needs the right {name}, which the credential shown does not give"),
    )
    .help("hearth whoami")
}

fn misdeclared(name: &'static str) -> Error {
    Error::internal(format!("the right {name} grants something else than it needs"))
}
