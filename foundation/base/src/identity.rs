//! Identity of the caller: resolved once, at the gateway, and passed to services as a signed statement.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Access, BuildId, Error, ImageName, KeyRing, Result, Role, RoleKey, Scopes, SessionId, TokenId, ToolId,
    ToolName, UserId, UserName, paseto,
};

/// Lifetime of a signed identity.
pub const IDENTITY_LIFETIME: SignedDuration = SignedDuration::from_secs(10);

const IDENTITY_PURPOSE: &str = "hearth identity v1";

/// Identity of a request's caller, for one service and a few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The caller.
    pub caller: Caller,
    /// Credential of the request.
    pub credential: Credential,
    /// Scopes of the credential.
    pub scopes: Scopes,
    /// Service that the identity is issued for; all others reject it.
    pub audience: Role,
    /// Tool in the request's path, and the caller's grant on it. Absent when the path names no tool, or one
    /// that the caller has no role on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tool: Option<ToolGrant>,
    /// Expiry.
    pub expires: Timestamp,
}

/// Caller of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Caller {
    /// Caller without a credential.
    #[serde(rename = "nobody")]
    Anonymous,
    /// User.
    User {
        /// Id of the user.
        id: UserId,
        /// Current name of the user.
        name: UserName,
        /// True for an operator whose credential has the operator scope.
        operator: bool,
    },
    /// Tool, by a token of its own.
    Tool {
        /// Id of the tool.
        id: ToolId,
        /// Current name of the tool.
        name: ToolName,
    },
    /// Build of a tool, by the credential of its outside builder: it reports about itself, and pushes to its image.
    /// Releases that do not know it refuse it.
    Build {
        /// Id of the build.
        id: BuildId,
        /// Id of the tool.
        tool: ToolId,
        /// The image that it may push to; absent when it makes none.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        image: Option<ImageName>,
    },
    /// Pipeline outside of Hearth, by the deploy token of a tool: it creates deployments of the tool, and nothing else.
    /// Releases that do not know it refuse it.
    Deployer {
        /// Id of the tool.
        id: ToolId,
        /// Current name of the tool.
        name: ToolName,
    },
    /// Service or worker of this Hearth.
    Service {
        /// Role of the service.
        role: Role,
    },
}

/// Describes the caller for logs and the audit log: `user NAME`, `tool NAME`, `build ID`, `deploy token of NAME`,
/// `service ROLE`, or `nobody`.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("nobody"),
            Self::User { name, .. } => write!(f, "user {name}"),
            Self::Tool { name, .. } => write!(f, "tool {name}"),
            Self::Build { id, .. } => write!(f, "build {id}"),
            Self::Deployer { name, .. } => write!(f, "deploy token of {name}"),
            Self::Service { role } => write!(f, "service {role}"),
        }
    }
}

/// Credential of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "id")]
pub enum Credential {
    /// No credential.
    None,
    /// Session: a browser's cookie, or its value as a bearer token.
    Session(SessionId),
    /// Personal token.
    PersonalToken(TokenId),
    /// Token of a tool.
    ToolToken(TokenId),
    /// Key of a role.
    RoleKey,
}

/// Grant of the caller on the tool in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum ToolGrant {
    /// The tool exists, and the caller has this access level in this service.
    Granted {
        /// Id of the tool.
        id: ToolId,
        /// Current name of the tool.
        name: ToolName,
        /// Access level.
        access: Access,
    },
    /// The tool does not exist, and the caller is an operator, who may know that.
    Missing,
}

impl Identity {
    /// Signs the identity with the key of the issuing role.
    pub fn sign(&self, key: &RoleKey) -> Result<String> {
        paseto::sign_statement(key, IDENTITY_PURPOSE, self)
    }

    /// Verifies a signed identity. The gateway issues identities of users and tools, a service only its own.
    /// An identity is valid for `audience` until it expires.
    pub fn verify(ring: &KeyRing, token: &str, audience: Role, now: Timestamp) -> Result<Self> {
        let (signer, identity): (Role, Self) = paseto::verify_statement(ring, IDENTITY_PURPOSE, token)?;
        let vouched = match &identity.caller {
            Caller::Service { role } => *role == signer,
            Caller::Anonymous
            | Caller::User { .. }
            | Caller::Tool { .. }
            | Caller::Build { .. }
            | Caller::Deployer { .. } => signer == Role::Gateway,
        };
        if !vouched || identity.audience != audience {
            return Err(Error::unauthenticated("identity", "the identity is not valid for this service"));
        }
        if identity.expires <= now {
            return Err(Error::unauthenticated("identity-expired", "the identity has expired"));
        }
        Ok(identity)
    }

    /// Creates the identity of a role for requests to `audience`.
    pub fn for_service(role: Role, audience: Role, now: Timestamp) -> Self {
        Self {
            caller: Caller::Service { role },
            credential: Credential::RoleKey,
            scopes: Scopes::from_scopes([]),
            audience,
            tool: None,
            expires: now.saturating_add(IDENTITY_LIFETIME).unwrap_or(now),
        }
    }

    /// Creates the identity of a caller without a credential.
    pub fn anonymous() -> Self {
        Self {
            caller: Caller::Anonymous,
            credential: Credential::None,
            scopes: Scopes::from_scopes([]),
            audience: Role::Gateway,
            tool: None,
            expires: Timestamp::UNIX_EPOCH,
        }
    }

    /// True when the credential is not restricted: a session, or a token with full scopes.
    pub fn is_unlimited(&self) -> bool {
        self.scopes.access_to_all_services() == Some(Access::Own)
    }

    /// True for an operator with the operator scope.
    pub fn is_operator(&self) -> bool {
        matches!(self.caller, Caller::User { operator: true, .. })
    }

    /// Returns the owner of something that acts later without a request, such as a webhook: the user, or the token of
    /// the tool.
    pub fn find_trigger_owner(&self) -> Option<String> {
        match (&self.caller, &self.credential) {
            (Caller::User { id, .. }, _) => Some(id.to_string()),
            (_, Credential::ToolToken(token)) => Some(token.to_string()),
            _ => None,
        }
    }

    /// Returns the id of the calling user.
    pub fn user_id(&self) -> Option<UserId> {
        match self.caller {
            Caller::User { id, .. } => Some(id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_caller_keeps_its_form_of_release_0_1_0() -> Result<()> {
        let text = serde_json::to_string(&Caller::Anonymous).map_err(Error::internal)?;
        assert_eq!(text, r#"{"is":"nobody"}"#);
        Ok(())
    }

    fn generate_keys() -> Result<(RoleKey, RoleKey, KeyRing)> {
        let gateway = RoleKey::generate_for_role(Role::Gateway)?;
        let accounts = RoleKey::generate_for_role(Role::Accounts)?;
        let mut ring = KeyRing::default();
        for key in [&gateway, &accounts] {
            ring.insert(key.role(), &key.public_text())?;
        }
        Ok((gateway, accounts, ring))
    }

    fn build_anonymous_identity(now: Timestamp) -> Identity {
        Identity {
            caller: Caller::Anonymous,
            credential: Credential::None,
            scopes: Scopes::from_scopes([]),
            audience: Role::Accounts,
            tool: None,
            expires: now + IDENTITY_LIFETIME,
        }
    }

    #[test]
    fn signed_identity_is_accepted_until_it_expires() -> Result<()> {
        let (gateway, _, ring) = generate_keys()?;
        let now = Timestamp::UNIX_EPOCH;
        let token = build_anonymous_identity(now).sign(&gateway)?;
        assert_eq!(Identity::verify(&ring, &token, Role::Accounts, now)?, build_anonymous_identity(now));
        let late = Identity::verify(&ring, &token, Role::Accounts, now + IDENTITY_LIFETIME);
        assert_eq!(late.err().map(|error| error.code().to_owned()), Some("identity-expired".to_owned()));
        Ok(())
    }

    #[test]
    fn identity_needs_the_right_signer_and_audience() -> Result<()> {
        let (gateway, accounts, ring) = generate_keys()?;
        let now = Timestamp::UNIX_EPOCH;
        assert!(
            Identity::verify(&ring, &build_anonymous_identity(now).sign(&accounts)?, Role::Accounts, now)
                .is_err()
        );
        assert!(
            Identity::verify(&ring, &build_anonymous_identity(now).sign(&gateway)?, Role::Gateway, now)
                .is_err()
        );
        let posing = Identity::for_service(Role::Gateway, Role::Accounts, now).sign(&accounts)?;
        assert!(Identity::verify(&ring, &posing, Role::Accounts, now).is_err());
        Ok(())
    }

    #[test]
    fn token_of_another_purpose_or_with_a_changed_byte_is_refused() -> Result<()> {
        let (gateway, _, ring) = generate_keys()?;
        let now = Timestamp::UNIX_EPOCH;
        let other = paseto::sign_statement(&gateway, "another purpose", &build_anonymous_identity(now))?;
        assert!(Identity::verify(&ring, &other, Role::Accounts, now).is_err());
        let mut token = build_anonymous_identity(now).sign(&gateway)?;
        token.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
        assert!(Identity::verify(&ring, &token, Role::Accounts, now).is_err());
        Ok(())
    }
}
