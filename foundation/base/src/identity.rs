//! Who is calling: found out once, at the door, and passed on signed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Access, Error, KeyRing, Result, Role, RoleKey, Scopes, SessionId, TokenId, ToolId, ToolName, UserId,
    UserName, envelope,
};

/// How long a signed identity is good for.
pub const IDENTITY_LIFE: SignedDuration = SignedDuration::from_secs(10);

const PURPOSE: &str = "hearth identity v1";

/// The caller of a request, for one service and a few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Who it is.
    pub caller: Caller,
    /// What they showed.
    pub credential: Credential,
    /// What that credential may be used for.
    pub scopes: Scopes,
    /// The service this identity is meant for; no other accepts it.
    pub audience: Role,
    /// The tool that the request's path names, and what the caller may do with it here. Absent when the path
    /// names none, or one that is not the caller's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tool: Option<ToolGrant>,
    /// When it ends.
    pub expires: Timestamp,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Caller {
    /// Somebody who has not signed in.
    Nobody,
    /// A person.
    User {
        /// Their id.
        id: UserId,
        /// Their name now.
        name: UserName,
        /// Whether they run this Hearth, and the credential may be used for that.
        operator: bool,
    },
    /// A tool, by a token of its own.
    Tool {
        /// Its id.
        id: ToolId,
        /// Its name now.
        name: ToolName,
    },
    /// Another part of Hearth.
    Service {
        /// Which one.
        role: Role,
    },
}

/// What the caller showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "id")]
pub enum Credential {
    /// Nothing.
    None,
    /// A browser's cookie, or its text as a bearer token.
    Session(SessionId),
    /// A personal token.
    PersonalToken(TokenId),
    /// A tool's own token.
    ToolToken(TokenId),
    /// The key of a role.
    RoleKey,
}

/// What the caller may do with the tool that the path names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum ToolGrant {
    /// The tool exists, and the caller may do this much with it in this service.
    Granted {
        /// Its id.
        id: ToolId,
        /// Its name now.
        name: ToolName,
        /// How much.
        access: Access,
    },
    /// There is no such tool, and the caller is an operator, who may know.
    Missing,
}

impl Identity {
    /// Signs it with the key of the role that vouches for it.
    pub fn sign(&self, key: &RoleKey) -> Result<String> {
        envelope::sign(key, PURPOSE, self)
    }

    /// Reads and checks a signed identity: only the gateway vouches for people and tools, a service only for
    /// itself, and only `audience` accepts it before it expires.
    pub fn verify(ring: &KeyRing, token: &str, audience: Role, now: Timestamp) -> Result<Self> {
        let (signer, identity): (Role, Self) = envelope::open(ring, PURPOSE, token)?;
        let vouched = match &identity.caller {
            Caller::Service { role } => *role == signer,
            Caller::Nobody | Caller::User { .. } | Caller::Tool { .. } => signer == Role::Gateway,
        };
        if !vouched || identity.audience != audience {
            return Err(Error::unauthenticated("identity", "this identity was not made for this service"));
        }
        if identity.expires <= now {
            return Err(Error::unauthenticated("identity-expired", "this identity has expired"));
        }
        Ok(identity)
    }

    /// A role's own identity towards `audience`.
    pub fn of_service(role: Role, audience: Role, now: Timestamp) -> Self {
        Self {
            caller: Caller::Service { role },
            credential: Credential::RoleKey,
            scopes: Scopes::of([]),
            audience,
            tool: None,
            expires: now.saturating_add(IDENTITY_LIFE).unwrap_or(now),
        }
    }

    /// The identity of somebody of whom nothing is known.
    pub fn nobody() -> Self {
        Self {
            caller: Caller::Nobody,
            credential: Credential::None,
            scopes: Scopes::of([]),
            audience: Role::Gateway,
            tool: None,
            expires: Timestamp::UNIX_EPOCH,
        }
    }

    /// Whether the credential may be used for all that the caller may do: a session, or a token made so.
    pub fn is_unlimited(&self) -> bool {
        self.scopes.access_to_all() == Some(Access::Own)
    }

    /// Whether the caller is an operator acting as one.
    pub fn is_operator(&self) -> bool {
        matches!(self.caller, Caller::User { operator: true, .. })
    }

    /// The user who is calling.
    pub fn user(&self) -> Option<UserId> {
        match self.caller {
            Caller::User { id, .. } => Some(id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Result<(RoleKey, RoleKey, KeyRing)> {
        let gateway = RoleKey::generate(Role::Gateway)?;
        let accounts = RoleKey::generate(Role::Accounts)?;
        let mut ring = KeyRing::default();
        for key in [&gateway, &accounts] {
            ring.insert(key.role(), &key.public_text())?;
        }
        Ok((gateway, accounts, ring))
    }

    fn nobody(now: Timestamp) -> Identity {
        Identity {
            caller: Caller::Nobody,
            credential: Credential::None,
            scopes: Scopes::of([]),
            audience: Role::Accounts,
            tool: None,
            expires: now + IDENTITY_LIFE,
        }
    }

    #[test]
    fn a_signed_identity_reads_back_until_it_expires() -> Result<()> {
        let (gateway, _, ring) = parts()?;
        let now = Timestamp::UNIX_EPOCH;
        let token = nobody(now).sign(&gateway)?;
        assert_eq!(Identity::verify(&ring, &token, Role::Accounts, now)?, nobody(now));
        let late = Identity::verify(&ring, &token, Role::Accounts, now + IDENTITY_LIFE);
        assert_eq!(late.err().map(|error| error.code().to_owned()), Some("identity-expired".to_owned()));
        Ok(())
    }

    #[test]
    fn only_the_gateway_vouches_for_people_and_only_the_audience_accepts() -> Result<()> {
        let (gateway, accounts, ring) = parts()?;
        let now = Timestamp::UNIX_EPOCH;
        assert!(Identity::verify(&ring, &nobody(now).sign(&accounts)?, Role::Accounts, now).is_err());
        assert!(Identity::verify(&ring, &nobody(now).sign(&gateway)?, Role::Gateway, now).is_err());
        let posing = Identity::of_service(Role::Gateway, Role::Accounts, now).sign(&accounts)?;
        assert!(Identity::verify(&ring, &posing, Role::Accounts, now).is_err());
        Ok(())
    }

    #[test]
    fn a_token_of_another_purpose_or_with_a_changed_byte_is_refused() -> Result<()> {
        let (gateway, _, ring) = parts()?;
        let now = Timestamp::UNIX_EPOCH;
        let other = envelope::sign(&gateway, "another purpose", &nobody(now))?;
        assert!(Identity::verify(&ring, &other, Role::Accounts, now).is_err());
        let mut token = nobody(now).sign(&gateway)?;
        token.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
        assert!(Identity::verify(&ring, &token, Role::Accounts, now).is_err());
        Ok(())
    }
}
