//! Requirements of rights, and the callers who meet them.

use hearth_base::{
    Access, BuildId, Caller, Credential, Error, ErrorKind, Identity, ImageName, Result, Role, TokenId,
    ToolGrant, ToolId, ToolName, UserId, UserName,
};

/// Requirement that a caller must meet to have a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Anyone, signed in or not.
    Anyone,
    /// Anyone signed in, including a tool with its own token.
    SignedIn,
    /// A user, with a credential that is not limited by scopes.
    User,
    /// A user with a session. A token is refused, so that a stolen one cannot become the account.
    Session,
    /// An operator of this Hearth.
    Operator,
    /// At least this access to the tool in the path.
    Tool(Access),
    /// Write access to the tool in the path, or the deploy token of the tool.
    Deploy,
    /// An operator of this Hearth, for the tool in the path.
    ToolOperator,
    /// One of these services; no external caller.
    Services(&'static [Role]),
    /// One of these services, or the credential of a build.
    Reporters(&'static [Role]),
}

/// A verified caller, as a handler receives it.
pub trait VerifiedCaller: Clone + Send + Sync + 'static {
    /// Checks `identity` against the requirement of the right `name`. Errors: `not-signed-in` (unauthenticated),
    /// `forbidden` (forbidden), `no-such-tool` (not found).
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self>;
}

/// Any caller, or any signed-in caller.
#[derive(Debug, Clone)]
pub struct AnyCaller {
    /// The caller.
    pub caller: Caller,
}

/// A user.
#[derive(Debug, Clone)]
pub struct UserCaller {
    /// Id of the user.
    pub id: UserId,
    /// Current name of the user.
    pub name: UserName,
    /// True when the user acts as an operator.
    pub is_operator: bool,
}

/// A caller with access to the tool in the path.
#[derive(Debug, Clone)]
pub struct MemberCaller {
    /// Id of the tool.
    pub id: ToolId,
    /// Current name of the tool.
    pub name: ToolName,
    /// The caller's access to the tool with this credential.
    pub access: Access,
    /// The user; `None` for a tool with a token of its own or its deploy token, or a service.
    pub user: Option<UserId>,
}

/// A caller that reads or pushes an image in the path: a member of the tool, or a build that makes this image.
#[derive(Debug, Clone)]
pub struct ImageCaller {
    /// The caller's access to the tool in the path.
    pub member: MemberCaller,
    /// The only image that a build may reach; `None` for a member.
    pub image: Option<ImageName>,
}

/// A builder that reports about a build.
#[derive(Debug, Clone, Copy)]
pub enum ReportingCaller {
    /// A builder of this Hearth; the ticket of its lease says which builds it may report about.
    Service,
    /// An outside builder, by the credential of one build.
    Build {
        /// The build.
        id: BuildId,
        /// The credential.
        credential: TokenId,
    },
}

/// A service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceCaller {
    /// Role of the service.
    pub role: Role,
}

impl VerifiedCaller for AnyCaller {
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        match (&identity.caller, requirement) {
            (Caller::Service { .. }, _) => Err(build_forbidden_error(name)),
            (Caller::Anonymous, Requirement::SignedIn) => Err(build_not_signed_in_error()),
            (Caller::Deployer { .. }, Requirement::SignedIn) => Err(build_forbidden_error(name)),
            (caller, Requirement::Anyone | Requirement::SignedIn) => Ok(Self { caller: caller.clone() }),
            _ => Err(build_misdeclared_error(name)),
        }
    }
}

impl VerifiedCaller for UserCaller {
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        let person = match &identity.caller {
            Caller::Anonymous => return Err(build_not_signed_in_error()),
            Caller::User { id, name, operator } => {
                Self { id: *id, name: name.clone(), is_operator: *operator }
            }
            Caller::Tool { .. } | Caller::Build { .. } | Caller::Deployer { .. } | Caller::Service { .. } => {
                return Err(build_forbidden_error(name));
            }
        };
        match requirement {
            Requirement::User if identity.is_unlimited() => Ok(person),
            Requirement::Session if matches!(identity.credential, Credential::Session(_)) => Ok(person),
            Requirement::Session => Err(build_session_needed_error(name)),
            Requirement::Operator if person.is_operator => Ok(person),
            Requirement::User | Requirement::Operator => Err(build_forbidden_error(name)),
            _ => Err(build_misdeclared_error(name)),
        }
    }
}

impl VerifiedCaller for MemberCaller {
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        match (&identity.caller, requirement) {
            // It reaches one image, and no other part of its tool.
            (Caller::Build { .. }, _) => Err(build_forbidden_error(name)),
            (Caller::Deployer { .. }, needed) if needed != Requirement::Deploy => {
                Err(build_forbidden_error(name))
            }
            _ => Self::check_grant(identity, requirement, name),
        }
    }
}

impl VerifiedCaller for ImageCaller {
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        let image = match &identity.caller {
            Caller::Build { image: None, .. } | Caller::Deployer { .. } => {
                return Err(build_forbidden_error(name));
            }
            Caller::Build { image, .. } => image.clone(),
            _ => None,
        };
        Ok(Self { member: MemberCaller::check_grant(identity, requirement, name)?, image })
    }
}

impl VerifiedCaller for ReportingCaller {
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        let Requirement::Reporters(roles) = requirement else { return Err(build_misdeclared_error(name)) };
        match (&identity.caller, &identity.credential) {
            (Caller::Anonymous, _) => Err(build_not_signed_in_error()),
            (Caller::Service { role }, _) if roles.contains(role) => Ok(Self::Service),
            (Caller::Build { id, .. }, Credential::ToolToken(credential)) => {
                Ok(Self::Build { id: *id, credential: *credential })
            }
            _ => Err(build_forbidden_error(name)),
        }
    }
}

impl MemberCaller {
    /// Checks the grant on the tool in the path, whoever the caller is.
    fn check_grant(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        let needed = match requirement {
            Requirement::Tool(access) => access,
            Requirement::Deploy => Access::Write,
            Requirement::ToolOperator if identity.is_operator() => Access::Read,
            Requirement::ToolOperator if identity.caller == Caller::Anonymous => {
                return Err(build_not_signed_in_error());
            }
            Requirement::ToolOperator => return Err(build_forbidden_error(name)),
            _ => return Err(build_misdeclared_error(name)),
        };
        match (&identity.caller, &identity.tool) {
            (Caller::Anonymous, _) => Err(build_not_signed_in_error()),
            (_, Some(ToolGrant::Missing)) => Err(build_no_such_tool_error()),
            (_, Some(ToolGrant::Granted { id, name: tool, access })) if *access >= needed => {
                let user = match &identity.caller {
                    Caller::User { id, .. } => Some(*id),
                    _ => None,
                };
                Ok(Self { id: *id, name: tool.clone(), access: *access, user })
            }
            _ => Err(build_forbidden_error(name)),
        }
    }
}

impl VerifiedCaller for ServiceCaller {
    fn check_identity(identity: &Identity, requirement: Requirement, name: &'static str) -> Result<Self> {
        match (&identity.caller, requirement) {
            (Caller::Anonymous, _) => Err(build_not_signed_in_error()),
            (Caller::Service { role }, Requirement::Services(allowed)) if allowed.contains(role) => {
                Ok(Self { role: *role })
            }
            (_, Requirement::Services(_)) => Err(build_forbidden_error(name)),
            _ => Err(build_misdeclared_error(name)),
        }
    }
}

/// Code of the error for a caller without a credential.
pub const NOT_SIGNED_IN: &str = "not-signed-in";

fn build_not_signed_in_error() -> Error {
    Error::unauthenticated(NOT_SIGNED_IN, "you are not signed in").help("hearth login")
}

fn build_no_such_tool_error() -> Error {
    Error::new(ErrorKind::NotFound, "no-such-tool", "there is no tool with this name")
        .help("hearth tool list --all")
}

fn build_forbidden_error(name: &'static str) -> Error {
    Error::forbidden("forbidden", format!("the credential does not have the right {name}"))
        .help("hearth whoami")
}

fn build_session_needed_error(name: &'static str) -> Error {
    Error::forbidden("session-needed", format!("a token does not have the right {name}"))
        .help("update hearth: the newest one asks for your password here, and opens a session")
}

fn build_misdeclared_error(name: &'static str) -> Error {
    Error::internal(format!(
        "the right {name} is declared with a requirement that its caller type does not support"
    ))
}
